import { isTolerable, Tally } from '../../bench/tally.js'

describe('failed operations', () => {
  it.each([
    [{ done: 0, failed: 2 }, true],
    [{ done: 0, failed: 3 }, false],
    [{ done: 999, failed: 3 }, false],
    [{ done: 1000, failed: 3 }, true],
    [{ done: 10_000, failed: 12 }, true],
    [{ done: 10_000, failed: 13 }, false],
  ])('%j are tolerable: %s', (count, tolerable) => {
    expect(isTolerable(count)).toBe(tolerable)
  })

  it('are made again until they go well', async () => {
    const tally = new Tally()
    const operation = jest
      .fn<Promise<string>, []>()
      .mockRejectedValueOnce(new Error('status 2'))
      .mockRejectedValueOnce(new Error('status 2'))
      .mockResolvedValue('done')
    await expect(tally.insist(operation)).resolves.toBe('done')
    expect(tally).toMatchObject({ done: 1, failed: 2 })
  })

  it('end in the error of the one that was too many', async () => {
    let count = 0
    const operation = (): Promise<never> => Promise.reject(new Error(`failure ${++count}`))
    await expect(new Tally().insist(operation)).rejects.toThrow('failure 3')
  })
})
