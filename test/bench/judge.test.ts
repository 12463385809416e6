import type { Round } from '../../bench/agents.js'
import { noiseOf, toRow } from '../../bench/compare.js'
import { isBeyondFloor, judgedOf, verdictOf } from '../../bench/judge.js'
import type { Growth } from '../../bench/scaling.js'
import type { Slice } from '../../bench/slice.js'

const slice = (rate: number, cpu = 1e-5, p99 = 1): Slice => ({
  operations: rate,
  wall: 1,
  cpu: rate * cpu,
  p50: 0.5,
  p99,
})

/** Three rounds in which the floor differs from itself by a tenth at most, and by nothing in the middle. */
const ROUNDS = [900, 1000, 1100].map((again, i): Round => ({
  fastdfs: slice([930, 940, 950][i] as number, 4.5e-5, 3),
  raw: slice(1000),
  again: slice(again),
  c: slice(2000, 1e-5, 1),
  fdfs: slice(100),
}))

const NOTHING = {
  at: '',
  target: '',
  machine: '',
  cores: 4,
  load: [0, 0],
  form: '',
  seconds: 0,
  parts: {},
  noise: {},
  small: [],
  large: [],
  neutral: [],
  scaling: [],
  embedded: [],
  peers: [],
  missingPeers: [],
  counts: {},
  failures: {},
  peaks: {},
  once: undefined,
} as const

describe('a verdict', () => {
  const least = { workload: 'w', what: 'x', goal: 100, atMost: false, noise: 0.1 }
  const most = { ...least, atMost: true }

  it.each([
    [least, 111, 'met'],
    [least, 109, 'within noise'],
    [least, 92, 'within noise'],
    [least, 90, 'missed'],
    [most, 90, 'met'],
    [most, 92, 'within noise'],
    [most, 109, 'within noise'],
    [most, 111, 'missed'],
  ] as const)('on %j measured as %d is %s', (judged, measured, verdict) => {
    expect(verdictOf({ ...judged, measured })).toBe(verdict)
  })

  it('is none on what could not be measured', () => {
    expect(verdictOf({ ...least, measured: NaN })).toBe('missed')
  })
})

describe('a row', () => {
  const measured = { name: 'upload 4 KiB', concurrency: 16, size: 4096, rounds: ROUNDS }
  const row = toRow(measured, noiseOf([measured]))

  it('holds medians of ratios, and at least the noise of the floor against itself', () => {
    expect(row.raw.ratios.throughput.value).toBeCloseTo(0.94)
    expect(row.peers['c']?.ratios.throughput.value).toBeCloseTo(0.47)
    expect(row.peers['c']?.ratios.p99.value).toBeCloseTo(3)
    const wide = toRow(measured, { throughput: 0.2, cpu: 0.3, p99: 0.4 })
    expect(wide.raw.ratios.throughput.noise).toBe(0.2)
    expect(wide.raw.ratios.p99.noise).toBe(0.4)
  })

  it('leaves out a peer that did not take part in every round', () => {
    const [first, ...others] = ROUNDS.map(({ c, ...rest }) => (c === undefined ? rest : { ...rest, c }))
    const without = { fastdfs: first!.fastdfs, raw: first!.raw, again: first!.again }
    const gaps = { ...measured, rounds: [without, ...others] as Round[] }
    expect(Object.keys(toRow(gaps, noiseOf([gaps])).peers)).toEqual([])
  })

  it('is judged by everything that has a goal', () => {
    const judged = judgedOf({ ...NOTHING, small: [row] })
    expect(judged.map((each) => [each.what, each.goal, verdictOf(each)])).toEqual([
      ['throughput to raw', 0.92, 'within noise'],
      ['throughput to c', 0.95, 'missed'],
      ['throughput to fdfs', 6, 'met'],
      ['CPU, s/1000', 0.04, 'missed'],
      ['p99 to c', 1.5, 'missed'],
    ])
    expect(judged.map(({ floor }) => floor?.toFixed(3))).toEqual([
      undefined,
      '0.500',
      '10.000',
      '0.010',
      '1.000',
    ])
    expect(judged.filter(isBeyondFloor).map(({ what }) => what)).toEqual(['throughput to c'])
  })

  it('has no goals of many calls where there is one', () => {
    const alone = { ...measured, concurrency: 1 }
    const judged = judgedOf({ ...NOTHING, small: [toRow(alone, noiseOf([alone]))] })
    expect(judged.map(({ what, goal }) => [what, goal])).toEqual([
      ['throughput to raw', 0.92],
      ['throughput to c', 0.85],
    ])
  })
})

it('judges memory by what the floor took', () => {
  const judged = judgedOf({ ...NOTHING, peaks: { 'small files': { fastdfs: 120, raw: 100, again: 102 } } })
  expect(judged.map((each) => [each.workload, each.what, verdictOf(each)])).toEqual([
    ['small files', 'peak memory to raw', 'missed'],
  ])
  expect(judged[0]?.measured).toBeCloseTo(1.2)
  expect(judged[0]?.noise).toBeCloseTo(0.02)
})

it('judges what grows by our client where there is more than at the base', () => {
  const growth = (value: number): Growth => ({
    operationsPerSecond: 1,
    cpuPer1000: 1,
    ratio: { value, noise: 0.05 },
  })
  const points = [
    { at: 1, isGrown: false, fastdfs: growth(1), raw: growth(1) },
    { at: 8, isGrown: true, fastdfs: growth(0.97), raw: growth(0.5) },
    { at: 32, isGrown: true, fastdfs: growth(0.9), raw: growth(1) },
  ]
  const judged = judgedOf({ ...NOTHING, scaling: [{ name: 'groups', points }] })
  expect(judged.map((each) => [each.workload, verdictOf(each)])).toEqual([
    ['8 groups', 'within noise'],
    ['32 groups', 'missed'],
  ])
})
