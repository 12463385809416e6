/** A few cases of the fault suite, other ones each time; `npm run test:faults` runs all. */
import { startCluster } from '../../src/testing/index.js'
import { Clock } from './clock.js'
import { CLUSTER } from './cluster.js'
import { CASES, runCase } from './run-case.js'
import { sampleOf } from './sample.js'

const SIZE = 30
// Most of a case is waiting, and the machine may be busy.
jest.setTimeout(30_000)

const seed = Number(process.env['FAULT_SEED'] ?? Date.now() % 2 ** 31)

// Together with what stands in the name, FAULT_SEED brings the same cases again.
describe(`faults, FAULT_SEED=${seed}`, () => {
  it.each(sampleOf(CASES, SIZE, seed))('$name', async (one) => {
    await using clock = await Clock.install()
    await using cluster = await startCluster(CLUSTER)
    await expect(runCase(cluster, clock, one)).resolves.toBeUndefined()
  })
})
