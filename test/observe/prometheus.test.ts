import { Registry } from 'prom-client'
import { collectMetrics } from '../../src/observe/prometheus.js'
import { CONTENT, fakeCluster, ID, INFO, rejection } from '../client/fakes.js'

/** The samples of a scrape, as `name{labels}` to value. */
async function scrape(register: Registry): Promise<Record<string, number>> {
  const lines = (await register.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return Object.fromEntries(lines.map((line) => [line.replace(/ \S+$/, ''), Number(/\S+$/.exec(line)?.[0])]))
}

it('counts requests, bytes, connects, waits, retries and connections', async () => {
  const register = new Registry()
  let calls = 0
  await using cluster = await fakeCluster(
    { 22: (_, socket) => (++calls === 1 ? void socket.end() : INFO) },
    { retries: 1 },
  )
  const metrics = collectMetrics({ register, clients: [cluster.client] })
  await cluster.client.uploadFile(CONTENT)
  await cluster.client.fileInfo(ID)
  const { tracker, storage } = cluster
  const samples = await scrape(register)
  expect(samples).toMatchObject({
    'fastdfs_request_duration_seconds_count{command="uploadFile",outcome="ok"}': 1,
    'fastdfs_request_duration_seconds_count{command="queryFileInfo",outcome="FDFS_CONNECT"}': 1,
    'fastdfs_request_duration_seconds_count{command="queryFileInfo",outcome="ok"}': 1,
    'fastdfs_bytes_total{command="uploadFile",direction="sent"}': 13,
    'fastdfs_bytes_total{command="uploadFile",direction="received"}': 70,
    [`fastdfs_connect_duration_seconds_count{endpoint="${tracker.address}",outcome="ok"}`]: 1,
    [`fastdfs_connect_duration_seconds_count{endpoint="${storage.address}",outcome="ok"}`]: 2,
    'fastdfs_retries_total{command="queryFileInfo",code="FDFS_CONNECT"}': 1,
    [`fastdfs_connections{endpoint="${storage.address}",state="idle"}`]: 1,
    [`fastdfs_connections{endpoint="${storage.address}",state="in_use"}`]: 0,
    [`fastdfs_waiting_calls{endpoint="${storage.address}"}`]: 0,
    [`fastdfs_endpoint_up{endpoint="${storage.address}"}`]: 1,
  })
  expect(samples['fastdfs_request_duration_seconds_sum{command="uploadFile",outcome="ok"}']).toBeGreaterThan(
    0,
  )

  metrics.stop()
  await cluster.client.fileInfo(ID)
  expect(await scrape(register)).toEqual({})
})

it('can be collected again, under other names, and without clients', async () => {
  const register = new Registry()
  for (const prefix of ['files_', 'files_']) {
    const metrics = collectMetrics({ register, prefix, buckets: [1] })
    await using cluster = await fakeCluster({ 22: (_, socket) => void socket.end() })
    await rejection(cluster.client.fileInfo(ID))
    expect(await scrape(register)).toMatchObject({
      'files_request_duration_seconds_count{command="queryFileInfo",outcome="FDFS_CONNECT"}': 1,
      'files_request_duration_seconds_bucket{le="1",command="queryFileInfo",outcome="FDFS_CONNECT"}': 1,
    })
    metrics.stop()
  }
})
