it('goes on while a test fakes the timers, even if it did so before', async () => {
  jest.useFakeTimers()
  const { startTimer } = await import('../../src/server/clock.js')
  await expect(new Promise<void>((resolve) => startTimer(1, resolve))).resolves.toBeUndefined()
  jest.useRealTimers()
})

it('counts intervals on while the clock is set back', async () => {
  const { now: date } = Date
  let time = date()
  try {
    Date.now = () => (time -= 1_000)
    await jest.isolateModulesAsync(async () => {
      const { now } = await import('../../src/server/clock.js')
      const before = now()
      while (now() === before);
      expect(now()).toBeGreaterThan(before)
    })
  } finally {
    Date.now = date
  }
})
