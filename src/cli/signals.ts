const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Calls `end` at each signal that asks a process to end. Returns what stops that. */
export function onEndingSignal(end: (signal: NodeJS.Signals) => void): () => void {
  for (const signal of ENDING) process.on(signal, end)
  return () => {
    for (const signal of ENDING) process.off(signal, end)
  }
}

/** Resolves with the first signal that asks this process to end. A second one ends it at once. */
export function endingSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const off = onEndingSignal((signal) => {
      off()
      resolve(signal)
    })
  })
}
