import * as hooks from 'node:test'
import { useCluster } from 'fastdfs/testing'
import { avatarTests } from './suite.js'

hooks.describe('avatars, under node:test', () => {
  const clock = { stop: () => hooks.mock.timers.enable(), go: () => hooks.mock.timers.reset() }
  avatarTests(useCluster({ trackers: 2 }, hooks), hooks.it, clock)
})
