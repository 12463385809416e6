it('goes on while a test fakes the timers, even if it did so before', async () => {
  jest.useFakeTimers()
  const { startTimer } = await import('../../src/server/clock.js')
  await expect(new Promise<void>((resolve) => startTimer(1, resolve))).resolves.toBeUndefined()
  jest.useRealTimers()
})
