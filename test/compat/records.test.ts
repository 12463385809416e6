/** Groups and storages as Python's classes decode the same bytes of a real V5.11 tracker. */
import { Fdfs_client } from '../../src/compat/index.js'
import { FastDfsClient } from '../../src/index.js'
import { decodeResponse, trackerCommands } from '../../src/protocol/index.js'
import { groupInfoOf, storageInfoOf } from '../../src/client/admin-types.js'
import { DataError, ResponseError } from '../../src/compat/index.js'
import { Group_info } from '../../src/compat/group-info.js'
import { Storage_info } from '../../src/compat/storage-info.js'
import { fakeServer } from '../support/fake-server.js'
import type { Recording } from './scenario.js'
import { load } from './scenario.js'

const records = load<Recording>('python-2.7-v5.11.json').records as NonNullable<Recording['records']>
const packetOf = (name: 'group' | 'storage'): Buffer => Buffer.from(records[name].packet, 'hex')

/** Times were recorded in UTC; Python and Fdfs_client write local time. Rendered by another way than the code's. */
const local = (utc: string): string => new Date(`${utc}Z`).toLocaleString('sv-SE').replace(' ', 'T')
const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/g

/**
 * What Python's class gets wrong in a storage's record: it takes three fields in another order than servers write them,
 * and stores the successful appends' bytes in the place of all.
 */
const MENDED = { curr_write_path: 0, storage_port: 23000, storage_http_port: 80, success_append_bytes: 20 }

describe('the record of a group', () => {
  it('has the attributes and the text that Python gives', async () => {
    await using tracker = await fakeServer(() => packetOf('group'))
    const client = new FastDfsClient({ trackers: [tracker.address] })
    const group = await new Fdfs_client(null, client).list_one_group('group1')
    await client.close()
    expect(group).toBeInstanceOf(Group_info)
    // A record of this length may be V6.13.0's too, which has another field in that place.
    expect({ ...group }).toEqual({ ...records.group.attributes, store_http_port: 0 })
    expect(String(group)).toBe(records.group.text.replace('HTTP port = 80', 'HTTP port = 0'))
  })
})

describe('the record of a storage', () => {
  const text = records.storage.text
    .replace(TIME, local)
    .replace('storage port = 0', 'storage port = 23000')
    .replace('storage HTTP port = 23000', 'storage HTTP port = 80')
    .replace('current write path = 80', 'current write path = 0')
    .replace('success append bytes = 0', 'success append bytes = 20')

  it('has the attributes and the text that Python gives', async () => {
    await using tracker = await fakeServer(() => packetOf('storage'))
    const client = new FastDfsClient({ trackers: [tracker.address] })
    const { Servers } = await new Fdfs_client(null, client).list_servers('group1')
    await client.close()
    const attributes = Object.entries<string | number>({ ...records.storage.attributes, ...MENDED }).map(
      ([name, value]) => [name, typeof value === 'string' ? value.replace(TIME, local) : value],
    )
    expect(Servers).toHaveLength(1)
    expect({ ...Servers[0] }).toEqual(Object.fromEntries(attributes))
    expect(String(Servers[0])).toBe(text)
  })

  it.each([
    [0, 'INIT'],
    [5, 'OFFLINE'],
    [7, 'ACTIVE'],
    [9, 'RECOVERY'],
    [8, 'UNKNOW'],
    [99, 'UNKNOW'],
  ])('has the status %d, and %s in the text', (status, word) => {
    const packet = packetOf('storage')
    packet[10] = status
    const [record] = decodeResponse(trackerCommands.listStorage, packet).storages
    const storage = new Storage_info(storageInfoOf(record as NonNullable<typeof record>))
    expect(storage.status).toBe(status)
    expect(String(storage)).toContain(`\tip_addr = 10.77.0.11 (${word})\n`)
  })
})

describe('space that cannot be shown', () => {
  const group = groupInfoOf(decodeResponse(trackerCommands.listOneGroup, packetOf('group')))
  const [record] = decodeResponse(trackerCommands.listStorage, packetOf('storage')).storages
  const storage = storageInfoOf(record as NonNullable<typeof record>)

  it('is the error that Python has for it', () => {
    expect(() => new Group_info({ ...group, freeBytes: -1 })).toThrow(DataError)
    expect(() => new Group_info({ ...group, freeBytes: -1 })).toThrow(
      '[-] Error disk space overrun, can not represented it.',
    )
    expect(() => new Storage_info({ ...storage, freeBytes: -1 })).toThrow(ResponseError)
    expect(() => new Storage_info({ ...storage, freeBytes: -1 })).toThrow(
      '[-] Error: disk space overrun, can not represented it.',
    )
  })
})
