/** The middle value; of an even number, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const high = sorted[middle] ?? NaN
  return sorted.length % 2 === 1 ? high : ((sorted[middle - 1] ?? NaN) + high) / 2
}

/** The value that `share` of all are not above. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN
}

/** A median, and how far it may be off. */
export interface Estimate {
  readonly value: number
  /** As a part of the value. */
  readonly noise: number
}

/** @param noises - of other sources: the largest counts */
export function estimate(values: readonly number[], ...noises: readonly number[]): Estimate {
  const value = median(values)
  return { value, noise: Math.max(medianError(values) / value, ...noises) }
}

/** How far the median of as many other samples would lie from this one's, twice the standard error, robustly. */
function medianError(values: readonly number[]): number {
  const middle = median(values)
  const deviation = 1.4826 * median(values.map((value) => Math.abs(value - middle)))
  return (2 * 1.2533 * deviation) / Math.sqrt(values.length)
}
