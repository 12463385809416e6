import type { Store } from '../server/index.js'
import type { MaybePromise } from '../server/maybe-promise.js'
import { isPromise } from '../server/maybe-promise.js'

/** What goes on when its process is dead: the system closes what was open, and nobody has ever seen a draft. */
const ENDS: readonly PropertyKey[] = ['close', 'discard']

/** A store as one process has it. */
export interface MortalStore {
  /** For the process. */
  readonly store: Store
  /** Ends the process: every call fails from now on, so that nothing is written any more. */
  readonly die: () => void
}

/** Makes a store mortal. */
export function mortal(immortal: Store): MortalStore {
  let dead = false
  const guard = <T extends object>(target: T, own: Partial<T> = {}): T =>
    new Proxy(target, {
      get: (_, name) => {
        const value: unknown = Reflect.get(own, name) ?? Reflect.get(target, name, target)
        if (typeof value !== 'function') return value
        return (...args: unknown[]): unknown => {
          if (dead && !ENDS.includes(name)) throw new Error('this process was killed')
          return Reflect.apply(value, target, args)
        }
      },
    })
  const guardOpened = <T extends object>(opened: T | undefined): T | undefined => opened && guard(opened)
  const guardLater = <T extends object | undefined>(opened: MaybePromise<T>): MaybePromise<T> =>
    (isPromise(opened) ? opened.then(guardOpened) : guardOpened(opened)) as MaybePromise<T>
  const store = guard(immortal, {
    create: (index) => guardLater(immortal.create(index)),
    edit: (name) => guardLater(immortal.edit(name)),
    own: guard(immortal.own, { log: (name) => guardLater(immortal.own.log(name)) }),
  })
  return { store, die: () => void (dead = true) }
}
