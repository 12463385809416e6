/** What code leaves behind in its process. */
import { createHook } from 'node:async_hooks'

/** The types of `node:async_hooks`. */
export const HANDLES = ['Timeout', 'TCPWRAP', 'TCPSERVERWRAP', 'TCPCONNECTWRAP'] as const

/** Handles that were made since {@link watchHandles}, without those of Jest's reporters, which may run in this process. */
export interface Handles extends Disposable {
  /** Those that are there now, by type; one that has just ended may be among them. */
  now(): string[]
  /** Those that stay. */
  left(): Promise<string[]>
}

/** Watches handles of these types, timers that let the process end included. */
export function watchHandles(...types: (typeof HANDLES)[number][]): Handles {
  const alive = new Map<number, string>()
  const hook = createHook({
    init: (id, type) => {
      const isJests = /at setTimeout .*\n.*node_modules.@jest/.test(new Error().stack ?? '')
      if (types.some((watched) => watched === type) && !isJests) alive.set(id, type)
    },
    destroy: (id) => void alive.delete(id),
  }).enable()
  const now = (): string[] => [...alive.values()].sort()
  return {
    now,
    left: async () => {
      // The hook is told of the end of a handle some turns after it.
      for (let turn = 0; turn < 1000 && alive.size > 0; turn++) await new Promise(setImmediate)
      return now()
    },
    [Symbol.dispose]: () => void hook.disable(),
  }
}
