import * as vitest from 'vitest'
import { useCluster } from 'fastdfs/testing'
import { avatarTests } from './suite.js'

vitest.describe('avatars, under vitest', () => {
  avatarTests(useCluster({ trackers: 2 }, vitest), vitest.it)
})
