/** A connection of a client that was still open when the cluster stopped. */
export interface LeakedConnection {
  /** The member it is to. */
  readonly member: string
  /** The client's address and port. */
  readonly client: string
  /** Requests made on it. */
  readonly requests: number
  /** The command that was not answered yet, where one was under way: somebody still has the connection in use. */
  readonly running: string | undefined
}

/** What a test has left behind at the cluster, found by {@link Cluster.stop}. Timers and other handles of the process are not part of it. */
export interface LeakReport {
  /** Connections of clients that nobody has closed; those of {@link Cluster.client} are closed by the cluster. */
  readonly connections: readonly LeakedConnection[]
  /** Commands that clients of {@link Cluster.client} were still waiting for. */
  readonly calls: readonly { readonly member: string; readonly command: string }[]
  /** Faults that never happened, as text. */
  readonly unusedFaults: readonly string[]
  /** How many calls of {@link Requests.next} were still waiting. They are rejected. */
  readonly waits: number
  /** All of it in words; empty where there is nothing. */
  readonly text: string
}

/** Puts a report in words. */
export function reportLeaks(found: Omit<LeakReport, 'text'>): LeakReport {
  const lines = [
    ...found.connections.map(
      ({ client, member, requests, running }) =>
        `a connection from ${client} to ${member} is open after ${requests} requests` +
        (running === undefined ? '' : `, waiting for ${running}`),
    ),
    ...found.calls.map(({ member, command }) => `${command} is still waited for at ${member}`),
    ...found.unusedFaults.map((fault) => `a fault never happened: ${fault}`),
    ...(found.waits === 0 ? [] : [`${found.waits} calls of requests.next() are waiting`]),
  ]
  return { ...found, text: lines.join('\n') }
}
