/* global describe, it, expect */
import { jest } from '@jest/globals'
import { FastDfsClient } from 'fastdfs'
import { useCluster } from 'fastdfs/testing'
import { avatarTests } from './suite.js'

describe('avatars, under jest', () => {
  const clock = { stop: () => jest.useFakeTimers(), go: () => jest.useRealTimers() }
  avatarTests(useCluster({ trackers: 2 }), it, clock)
})

it('finds the cluster of the global set-up in its environment', async () => {
  const client = FastDfsClient.fromEnvironment()
  await expect(client.ping()).resolves.toBeUndefined()
  await client.close()
})
