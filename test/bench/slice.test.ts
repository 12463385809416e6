import { measureSlice } from '../../bench/slice.js'
import type { Operation } from '../../bench/slice.js'
import { Tally } from '../../bench/tally.js'

const LONG = 60_000

/** So many operations, and those of some numbers fail. */
function operations(count: number, ...failing: readonly number[]): Operation {
  let number = 0
  return () => {
    if (number === count) return undefined
    const isFailing = failing.includes(++number)
    return isFailing ? Promise.reject(new Error(`operation ${number} failed`)) : Promise.resolve()
  }
}

describe('a slice', () => {
  it('ends when there is nothing left to do, and does not count one operation for each call at a time', async () => {
    const slice = await measureSlice(operations(100), 4, LONG, new Tally())
    expect(slice.operations).toBe(96)
  })

  it('leaves out what fails now and then, and goes on', async () => {
    const tally = new Tally()
    const slice = await measureSlice(operations(2000, 1, 500, 1999), 4, LONG, tally)
    expect(slice.operations).toBe(2000 - 4 - 2)
    expect(tally).toMatchObject({ done: 1997, failed: 3 })
  })

  it('fails with the error of one operation too many', async () => {
    const slice = measureSlice(operations(100, 20, 30, 40), 1, LONG, new Tally())
    await expect(slice).rejects.toThrow('operation 40 failed')
  })

  it('fails where there was nothing to do', async () => {
    await expect(measureSlice(operations(0), 1, LONG, new Tally())).rejects.toThrow('nothing to do')
  })
})
