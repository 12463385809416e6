import type { FastDfsError } from '../errors.js'
import { locateError, TimeoutError, UnknownOutcomeError } from '../errors.js'
import { Call } from '../net/call.js'

/** Milliseconds in which what nobody wants any more is undone. */
export const CLEANUP_TIMEOUT = 5_000

/** A request that makes something which must not stay when nobody learns of it. */
export interface Making<R> {
  /** For errors. */
  readonly place: { readonly command: string; readonly endpoint: string }
  /** Makes the request, for a call that ends when the request must. */
  ask(call: Call): Promise<R>
  /** Whether the storage has, or will have, all of it: then it carries it out, whatever becomes of the connection. */
  readonly isSent: boolean
  /** Undoes what it has made. */
  undo(reply: R): Promise<void>
}

/** Requests that go on after the call that they were made for has ended. */
export class Outliving {
  readonly #running = new Set<Promise<void>>()

  /** Resolves when none is left of those that go on now. */
  async settled(): Promise<void> {
    await Promise.all(this.#running)
  }

  /**
   * Makes a request for a call that has a limit. When the call ends before it is sent whole, it ends too; after that,
   * its answer is waited for on nobody's behalf, and what it made is undone.
   *
   * @throws AbortError when the call was aborted
   * @throws UnknownOutcomeError when the call's time is over after all was sent
   */
  async ask<R>(call: Call, making: Making<R>): Promise<R> {
    const controller = new AbortController()
    const own = new Call({ signal: controller.signal })
    own.attempt = call.attempt
    let failure: unknown
    const request = making.ask(own).catch((error: unknown) => {
      failure = error
      throw error
    })
    try {
      return await call.wait(request)
    } catch (caught) {
      // An answer is an answer, also where the call is over by now.
      if (caught === failure) throw caught
      const error = caught as FastDfsError
      if (making.isSent) {
        this.#goOn(
          request.then((reply) => making.undo(reply)),
          controller,
        )
        throw ended(error, making)
      }
      controller.abort()
      // Nobody reads the source any more when this rejects.
      await request.catch(() => {})
      const { phase } = (failure ?? {}) as Partial<FastDfsError>
      throw locateError(error, { ...making.place, phase })
    }
  }

  #goOn(request: Promise<void>, controller: AbortController): void {
    const timer = setTimeout(() => controller.abort(), CLEANUP_TIMEOUT).unref()
    const running = request
      // It failed: nothing was made, or nobody can know.
      .catch(() => {})
      .finally(() => {
        clearTimeout(timer)
        this.#running.delete(running)
      })
    this.#running.add(running)
  }
}

function ended<R>(error: FastDfsError, { place }: Making<R>): FastDfsError {
  const details = { ...place, phase: 'answer' as const }
  if (!(error instanceof TimeoutError)) {
    return locateError(error, details, `${error.reason}; the request may have been carried out`)
  }
  const reason = `the answer is lost, the request may have been carried out: ${error.reason}`
  return new UnknownOutcomeError(reason, { ...details, cause: error })
}
