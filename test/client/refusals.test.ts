/** What is said of storages that refuse: no space, and files that cannot be changed. */
import { FastDfsClient, NoSpaceError } from '../../src/index.js'
import { fakeServer, response } from '../support/fake-server.js'
import { APPENDER_ID, CONTENT, fakeCluster, ID, rejection, SHORT_ID, status } from './fakes.js'

describe('an upload for which there is no space', () => {
  /** Record of a group of V6.13.1 and later (protocol.md §2.3). */
  const record = (name: string, total: number, free: number, reserved: number): Buffer => {
    const bytes = Buffer.alloc(113)
    bytes.write(name)
    bytes.writeBigInt64BE(BigInt(total), 17)
    bytes.writeBigInt64BE(BigInt(free), 25)
    bytes.writeBigInt64BE(BigInt(reserved), 33)
    return bytes
  }

  it('tells what the groups have', async () => {
    const groups = Buffer.concat([record('group1', 1000, 200, 200), record('group2', 5000, 40, 1000)])
    await using tracker = await fakeServer((request) => (request[8] === 91 ? response(groups) : status(28)))
    await using client = new FastDfsClient({ trackers: tracker.address, retries: 0 })
    const told =
      'not enough free space: status 28 ENOSPC: group1 has 200 of 1000 MB free, 200 MB are reserved; ' +
      'group2 has 40 of 5000 MB free, 1000 MB are reserved (reserved_storage_space in tracker.conf stays free on every disk)'
    for (const attempt of [
      () => client.uploadFile(CONTENT),
      () => client.uploadAppenderFile(CONTENT),
      () => client.uploadSlaveFile(ID, CONTENT, { prefix: '_s' }),
      () => client.appendFile(APPENDER_ID, CONTENT),
      async () => (await client.resumableUpload(CONTENT)).done(),
    ]) {
      const error = await rejection<NoSpaceError>(attempt())
      expect(error).toBeInstanceOf(NoSpaceError)
      expect(error).toMatchObject({ reason: told, status: 28 })
    }
  })

  it('tells what it knows where the groups cannot be asked', async () => {
    await using tracker = await fakeServer(() => status(28))
    await using client = new FastDfsClient({ trackers: tracker.address, retries: 0 })
    expect(await rejection(client.uploadFile(CONTENT))).toMatchObject({
      name: 'NoSpaceError',
      reason: 'not enough free space: status 28 ENOSPC',
    })
  })
})

describe('a change that a storage refuses', () => {
  const REFUSED = 'the server refused the request as invalid: status 22 EINVAL'

  it('says that the file is no appender file, by its ID', async () => {
    await using cluster = await fakeCluster({
      15: status(2),
      24: status(22),
      34: status(22),
      36: status(22),
      38: status(22),
    })
    for (const change of [
      () => cluster.client.appendFile(ID, CONTENT),
      () => cluster.client.modifyFile(ID, CONTENT),
      () => cluster.client.truncateFile(ID, 1),
      () => cluster.client.regenerateAppenderFile(ID),
    ]) {
      expect(await rejection(change())).toMatchObject({
        name: 'ServerError',
        status: 22,
        reason: `${REFUSED}: its ID is not that of an appender file`,
      })
    }
  })

  it('says no more of an appender file than is known', async () => {
    await using cluster = await fakeCluster({ 15: status(2), 34: status(22), 38: status(22) })
    expect(await rejection(cluster.client.modifyFile(APPENDER_ID, CONTENT))).toMatchObject({
      reason: REFUSED,
    })
    expect(await rejection(cluster.client.modifyFile(APPENDER_ID, CONTENT, { offset: 9 }))).toMatchObject({
      reason: `${REFUSED}: the offset, 9, may be past its end`,
    })
    expect(await rejection(cluster.client.regenerateAppenderFile(APPENDER_ID))).toMatchObject({
      reason: `${REFUSED}: storages do this since V6.02`,
    })
  })

  it('of a file whose ID tells nothing is refused all the same', async () => {
    await using cluster = await fakeCluster({ 24: status(22) })
    expect(await rejection(cluster.client.appendFile(SHORT_ID, CONTENT))).toMatchObject({ status: 22 })
  })
})
