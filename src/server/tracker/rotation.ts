/** An index that goes on at 0 behind the last of `count`; lists may have become shorter since it was kept. */
export function clockwise(index: number, count: number): number {
  return index < count ? index : 0
}
