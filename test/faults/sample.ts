/** Some of many, as a seed decides. */
export function sampleOf<T>(all: readonly T[], size: number, seed: number): T[] {
  const left = [...all]
  let state = seed >>> 0
  return Array.from({ length: Math.min(size, left.length) }, () => {
    // The generator of C's rand() is random enough to choose by.
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return left.splice(Math.floor((state / 2 ** 32) * left.length), 1)[0] as T
  })
}
