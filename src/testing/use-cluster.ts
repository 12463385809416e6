import { InvalidArgumentError } from '../errors.js'
import type { Cluster } from './cluster.js'
import { startCluster } from './cluster.js'
import type { ClusterOptions } from './options.js'

/** Registers what a runner calls at its time. */
export type RunnerHook = (run: () => Promise<void>) => unknown

/** The hooks of a test runner: jest's and vitest's names, or those of node:test. */
export type RunnerHooks = { readonly beforeEach: RunnerHook; readonly afterEach: RunnerHook } & (
  | { readonly beforeAll: RunnerHook; readonly afterAll: RunnerHook }
  | { readonly before: RunnerHook; readonly after: RunnerHook }
)

/**
 * A cluster for the tests of a file or block: started before the first, reset before each, stopped after the last. A
 * test fails that leaves a fault unused; so does the end when connections were left open.
 *
 * @param options - of the cluster
 * @param hooks - the runner's; where it makes them global (jest, vitest with `globals`), they are found
 * @returns the cluster, to be used in tests and in hooks that are registered later
 * @throws InvalidArgumentError when there are no hooks
 * @example
 * ```ts
 * const cluster = useCluster({ trackers: 2 })                  // jest
 * const cluster = useCluster({ trackers: 2 }, vitest)          // import * as vitest from 'vitest'
 * const cluster = useCluster({ trackers: 2 }, test)            // import test from 'node:test'
 * ```
 */
export function useCluster(options: ClusterOptions = {}, hooks?: RunnerHooks): Cluster {
  const { beforeAll, afterAll, beforeEach, afterEach } = hooksOf(hooks ?? globalThis)
  let cluster: Cluster | undefined
  let fresh = true
  beforeAll(async () => {
    cluster = await startCluster(options)
  })
  beforeEach(async () => {
    // The first test finds it as it was started.
    if (!fresh) await cluster?.reset()
    fresh = false
  })
  afterEach(async () => {
    const unused = cluster?.unusedFaults() ?? []
    if (unused.length > 0) throw new Error(`these faults never happened:\n${unused.join('\n')}`)
  })
  afterAll(async () => {
    const report = await cluster?.stop()
    cluster = undefined
    if (report !== undefined && report.connections.length > 0) throw new Error(report.text)
  })
  return new Proxy({} as Cluster, {
    get(_, name) {
      if (cluster === undefined) throw new Error('the cluster runs only during tests and their hooks')
      const value: unknown = Reflect.get(cluster, name, cluster)
      return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(cluster) : value
    },
  })
}

function hooksOf(given: object): Record<'beforeAll' | 'afterAll' | 'beforeEach' | 'afterEach', RunnerHook> {
  const hooks = given as Record<string, unknown>
  const find = (...names: string[]): RunnerHook => {
    const hook = names.map((name) => hooks[name]).find((value) => typeof value === 'function')
    if (hook !== undefined) return hook as RunnerHook
    throw new InvalidArgumentError(
      `there is no hook ${names.join(' or ')}: call useCluster in a test file, and give it the hooks of a runner that has no globals`,
    )
  }
  return {
    beforeAll: find('beforeAll', 'before'),
    afterAll: find('afterAll', 'after'),
    beforeEach: find('beforeEach'),
    afterEach: find('afterEach'),
  }
}
