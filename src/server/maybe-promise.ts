/** A value now, or a promise of it: what is in memory costs no turn of the event loop. */
export type MaybePromise<T> = T | Promise<T>

/** Whether a value is a promise, of whichever realm. */
export function isPromise<T>(value: MaybePromise<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && 'then' in value
}
