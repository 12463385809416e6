import type { Dialect } from '../protocol/index.js'

/** A member as the others see it: who it is, apart from what it does. */
export interface Party {
  /** `tracker1`, `group1-storage1`… */
  readonly name: string
  /** Which of the two it is. */
  readonly kind: 'tracker' | 'storage'
  /** How it writes. */
  readonly dialect: Dialect
}
