import * as hooks from 'node:test'
import { useCluster } from 'fastdfs/testing'
import { avatarTests } from './suite.js'

hooks.describe('avatars, under node:test', () => {
  avatarTests(useCluster({ trackers: 2 }, hooks), hooks.it)
})
