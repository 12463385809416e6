/**
 * A cluster for all test files of a jest run. The same module is set-up and tear-down:
 *
 * ```js
 * // jest.config.js
 * export default {
 *   globalSetup: 'fastdfs/testing/jest',
 *   globalTeardown: 'fastdfs/testing/jest',
 *   globals: { fastdfs: { trackers: 2 } }, // the options of the cluster, if it needs any
 * }
 * ```
 *
 * Test files run in processes of their own and learn of it by `FASTDFS_TRACKERS`, which
 * `FastDfsClient.fromEnvironment()` reads. For faults and the like, start a cluster in the test file: see `useCluster`.
 *
 * @packageDocumentation
 */
import type { Cluster } from './cluster.js'
import { startCluster } from './cluster.js'
import type { ClusterOptions } from './options.js'

/** Jest may load this module once for each of the two. */
const RUNNING = Symbol.for('fastdfs.testing.jest')
const shared = globalThis as { [RUNNING]?: Cluster | undefined }

/** What jest hands to a global set-up, as far as it matters here. */
export interface JestProject {
  /** The option `globals`. */
  readonly globals?: { readonly fastdfs?: ClusterOptions } & Record<string, unknown>
}

/** Starts the cluster when it is called first, and stops it when it is called again. */
export default async function cluster(_config?: unknown, project: JestProject = {}): Promise<void> {
  const running = shared[RUNNING]
  if (running === undefined) {
    const started = await startCluster(project.globals?.fastdfs)
    shared[RUNNING] = started
    Object.assign(process.env, started.env())
  } else {
    delete shared[RUNNING]
    delete process.env['FASTDFS_TRACKERS']
    await running.stop()
  }
}
