import { Budget } from '../../src/net/budget.js'
import { Health } from '../../src/net/health.js'

let now = 0
beforeEach(() => {
  now = 1000
  jest.spyOn(performance, 'now').mockImplementation(() => now)
  // The longest wait there can be.
  jest.spyOn(Math, 'random').mockReturnValue(1)
})
afterEach(() => jest.restoreAllMocks())

describe('the health of a server', () => {
  it('is closed until it fails, then open, half-open while it is tried, and closed when it works', () => {
    const health = new Health()
    expect(health.state).toBe('closed')
    expect(health.beginTrial()).toBe(false)
    health.failed()
    expect(health.state).toBe('open')
    expect(health.beginTrial()).toBe(false)
    now += 1000
    expect(health.beginTrial()).toBe(true)
    expect(health.state).toBe('half-open')
    // One at a time.
    expect(health.beginTrial()).toBe(false)
    health.succeeded()
    expect(health.state).toBe('closed')
  })

  it('is tried later each time, up to every 30 s', () => {
    const health = new Health()
    const waits: number[] = []
    for (let i = 0; i < 8; i++) {
      health.failed()
      const from = now
      while (!health.beginTrial()) now += 100
      waits.push(now - from)
    }
    expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000])
  })

  it('counts many failures at once as one', () => {
    const health = new Health()
    for (let i = 0; i < 100; i++) health.failed()
    expect(health.failures).toBe(1)
    now += 1000
    health.failed()
    expect(health.failures).toBe(2)
  })

  it('may be tried by another when the trial did not take place', () => {
    const health = new Health()
    health.failed()
    now += 1000
    expect(health.beginTrial()).toBe(true)
    health.endTrial()
    expect(health.state).toBe('open')
    expect(health.beginTrial()).toBe(true)
  })
})

describe('a budget', () => {
  it('has 100, and gets 10 a second, never more than 100', () => {
    const budget = new Budget()
    for (let i = 0; i < 100; i++) expect(budget.take()).toBe(true)
    expect(budget.take()).toBe(false)
    now += 1000
    expect(budget.left).toBe(10)
    for (let i = 0; i < 10; i++) expect(budget.take()).toBe(true)
    expect(budget.take()).toBe(false)
    now += 1_000_000
    expect(budget.left).toBe(100)
  })

  it('gets one for ten things that go well', () => {
    const budget = new Budget()
    while (budget.take());
    for (let i = 0; i < 11; i++) budget.earn(undefined)
    expect(budget.take()).toBe(true)
    expect(budget.take()).toBe(false)
  })
})
