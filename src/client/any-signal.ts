const followers = new WeakMap<AbortSignal, AbortSignal>()

/** A signal that is aborted with any of these. `AbortSignal.any` ignores signals that are not Node's own: polyfills. */
export function anySignal(signals: readonly AbortSignal[]): AbortSignal {
  return AbortSignal.any(signals.map(native))
}

/** One of Node's own that follows it; the same one each time, so that there is one listener only. */
function native(signal: AbortSignal): AbortSignal {
  if ((signal as unknown) instanceof AbortSignal) return signal
  let follower = followers.get(signal)
  if (follower === undefined) {
    const controller = new AbortController()
    const follow = (): void => controller.abort(signal.reason)
    if (signal.aborted) follow()
    else signal.addEventListener('abort', follow, { once: true })
    follower = controller.signal
    followers.set(signal, follower)
  }
  return follower
}
