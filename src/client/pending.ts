/** What is there at once in nearly all cases: then nobody waits for it. */
export type MayBePending<T> = T | Promise<T>

/** Whether there is something to wait for. */
export function isPending<T>(value: MayBePending<T>): value is Promise<T> {
  return value instanceof Promise
}
