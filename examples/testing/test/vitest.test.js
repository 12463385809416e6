import * as vitest from 'vitest'
import { useCluster } from 'fastdfs/testing'
import { avatarTests } from './suite.js'

vitest.describe('avatars, under vitest', () => {
  const clock = { stop: () => vitest.vi.useFakeTimers(), go: () => vitest.vi.useRealTimers() }
  avatarTests(useCluster({ trackers: 2 }, vitest), vitest.it, clock)
})
