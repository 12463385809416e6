/** The cluster of the fault suite. */
import type { ClusterOptions } from '../../src/testing/index.js'

export const CLUSTER: ClusterOptions = { trackers: 2, groups: 2, storages: 2 }
