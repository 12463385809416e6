import fc from 'fast-check'
import { parseRange } from '../../src/http/ranges.js'

describe('of 1000 bytes', () => {
  it.each<[string | undefined, [number, number][] | undefined]>([
    [undefined, undefined],
    ['bytes=0-0', [[0, 1]]],
    ['bytes=0-1', [[0, 2]]],
    ['bytes=500-999', [[500, 500]]],
    ['bytes=500-', [[500, 500]]],
    ['bytes=500-100000', [[500, 500]]],
    ['bytes=-200', [[800, 200]]],
    ['bytes=-2000', [[0, 1000]]],
    ['BYTES=0-', [[0, 1000]]],
    [
      'bytes=0-9, 20-29 ,\t-10',
      [
        [0, 10],
        [20, 10],
        [990, 10],
      ],
    ],
    [
      'bytes=5-5,0-0',
      [
        [5, 1],
        [0, 1],
      ],
    ],
    [
      'bytes=0-0,1-1,2-2,3-3,4-4',
      [
        [0, 1],
        [1, 1],
        [2, 1],
        [3, 1],
        [4, 1],
      ],
    ],
    ['bytes=0-0,2000-', [[0, 1]]],
    ['items=0-5', undefined],
    ['', undefined],
    // Outside of the file.
    ['bytes=1000-', []],
    ['bytes=-0', []],
    ['bytes=99999999999999999999999-', []],
    // No ranges.
    ['bytes=', []],
    ['bytes=-', []],
    ['bytes=9-5', []],
    ['bytes=a-b', []],
    ['bytes=0-0,', []],
    ['bytes=0x10-', []],
    ['bytes=1.5-2', []],
    ['bytes=--5', []],
    ['bytes=0-0,1-1,2-2,3-3,4-4,5-5', []],
  ])('reads %s', (header, expected) => {
    const ranges = expected?.map(([offset, length]) => ({ offset, length }))
    expect(parseRange(header, 1000)).toEqual(ranges)
  })
})

it('finds nothing in an empty file', () => {
  expect(parseRange('bytes=0-', 0)).toEqual([])
  expect(parseRange('bytes=-5', 0)).toEqual([])
})

it('stays within the file, whatever is asked for', () => {
  const number = fc.oneof(fc.constant(''), fc.nat(2000).map(String), fc.bigInt({ min: 0n }).map(String))
  const range = fc.tuple(number, number).map((both) => both.join('-'))
  const header = fc.oneof(
    fc.array(range, { minLength: 1, maxLength: 7 }).map((ranges) => `bytes=${ranges.join(',')}`),
    fc.string({ unit: fc.constantFrom(...'bytes=0123456789-, \t') }),
    fc.string({ unit: 'binary' }).map((text) => `bytes=${text}`),
  )
  fc.assert(
    fc.property(header, fc.nat(3000), (text, size) => {
      for (const { offset, length } of parseRange(text, size) ?? []) {
        expect(offset).toBeGreaterThanOrEqual(0)
        expect(length).toBeGreaterThanOrEqual(1)
        expect(offset + length).toBeLessThanOrEqual(size)
      }
    }),
    { numRuns: 2000 },
  )
})

it('gives the bytes that a plain reading of RFC 9110 gives', () => {
  fc.assert(
    fc.property(fc.nat(50), fc.nat(50), fc.integer({ min: 1, max: 50 }), (first, last, size) => {
      const bytes = Array.from({ length: size }, (_, at) => at)
      const wanted = bytes.filter((at) => at >= first && at <= last)
      const [range] = parseRange(`bytes=${first}-${last}`, size) ?? []
      expect(range === undefined ? [] : bytes.slice(range.offset, range.offset + range.length)).toEqual(
        wanted,
      )
      const [suffix] = parseRange(`bytes=-${last}`, size) ?? []
      expect(suffix === undefined ? [] : bytes.slice(suffix.offset)).toEqual(
        last === 0 ? [] : bytes.slice(-last),
      )
    }),
  )
})
