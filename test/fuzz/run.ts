/**
 * The properties of test/protocol for as long as one likes:
 *
 *     npm run test:fuzz -- [seconds, default 60] [seed]
 *
 * Rounds of all properties are run until the time is over, each round with the next seed. The first failure ends it,
 * with the seed, the counterexample and exit code 1.
 */
import fc from 'fast-check'
import type { Property } from '../protocol/arbitraries.js'
import { mutatedSamples, protocolProperties, samplesOf } from '../protocol/arbitraries.js'
import { exchangesOf } from '../support/captures.js'

const [seconds = 60, firstSeed = Date.now() % 2 ** 31] = process.argv.slice(2).map(Number)
if (!(seconds > 0) || !Number.isInteger(firstSeed)) {
  console.error('usage: npm run test:fuzz -- [seconds] [seed]')
  process.exit(2)
}

const { roundTrips, others } = protocolProperties()
const samples = samplesOf([...exchangesOf('captures'), ...exchangesOf('recorded')])
const recorded: Property = {
  name: `${samples.length} recorded packets, broken`,
  cost: 0.25,
  property: mutatedSamples(samples),
}

/** Runs of the cheapest property in a round. */
const RUNS = 500
/** A round has thousands of round trips, so each of them has few runs. */
const ROUND_TRIP_RUNS = 3

const counts = new Map<string, number>()
const deadline = performance.now() + seconds * 1000
console.log(`seed ${firstSeed}, ${seconds} s`)

let round = 0
for (; performance.now() < deadline; round++) {
  for (const entry of others.concat(recorded)) run(entry, entry.name, Math.ceil(RUNS / entry.cost))
  for (const entry of roundTrips) run(entry, 'round trips of every command in every dialect', ROUND_TRIP_RUNS)
}

for (const [name, count] of counts) console.log(`${String(count).padStart(10)}  ${name}`)
const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
console.log(`${String(total).padStart(10)}  cases in ${round} rounds, no failure`)

function run({ name, property }: Property, counter: string, numRuns: number): void {
  if (performance.now() >= deadline) return
  const seed = (firstSeed + round) | 0
  const result = fc.check(property, { seed, numRuns })
  if (result.failed) {
    console.error(`FAILED: ${name}`)
    console.error(`to see it again: npm run test:fuzz -- ${seconds} ${seed}`)
    console.error(fc.defaultReportMessage(result))
    process.exit(1)
  }
  counts.set(counter, (counts.get(counter) ?? 0) + result.numRuns)
}
