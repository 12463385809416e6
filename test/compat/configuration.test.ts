import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConnectionError, Fdfs_client, get_tracker_conf, NoOptionError } from '../../src/compat/index.js'
import { ConfigError, FastDfsClient } from '../../src/index.js'
import type { Member } from '../../src/testing/index.js'
import { startCluster } from '../../src/testing/index.js'
import { fakeServer } from '../support/fake-server.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fastdfs-compat-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function conf(text: string): Promise<string> {
  const path = join(folder, 'client.conf')
  await writeFile(path, text)
  return path
}

describe('get_tracker_conf', () => {
  it('gives the dictionary that Python gives', async () => {
    const path = await conf(
      'connect_timeout = 5\nnetwork_timeout = 30\ntracker_server = 10.0.0.1:22122\n# tracker_server = 10.0.0.9:1\ntracker_server=10.0.0.2:22122\n',
    )
    expect(get_tracker_conf(path)).toEqual({
      host_tuple: [
        ['10.0.0.1', '22122'],
        ['10.0.0.2', '22122'],
      ],
      timeout: 5,
      name: 'Tracker Pool',
    })
  })

  it('takes what Python cannot read: IPv6 addresses, and trackers without a port', async () => {
    const path = await conf(
      'connect_timeout = 5\ntracker_server = [fd00::1]:22122\ntracker_server = tracker\n',
    )
    expect(get_tracker_conf(path).host_tuple).toEqual([
      ['fd00::1', '22122'],
      ['tracker', '22122'],
    ])
  })

  it('misses in a file that is not there what Python misses', () => {
    const read = (): unknown => get_tracker_conf(join(folder, 'nowhere.conf'))
    expect(read).toThrow(NoOptionError)
    expect(read).toThrow("No option 'connect_timeout' in section: '__config__'")
  })

  it.each([
    ['tracker_server = 10.0.0.1:22122', "No option 'connect_timeout' in section: '__config__'"],
    ['connect_timeout = 5', "No option 'tracker_server' in section: '__config__'"],
  ])('misses what a file with %j lacks', async (text, message) => {
    const path = await conf(`${text}\n`)
    expect(() => get_tracker_conf(path)).toThrow(message)
  })

  it.each(['connect_timeout = soon', 'connect_timeout = 5\ntracker_server = 10.0.0.1:port'])(
    'says where a value cannot be read: %j',
    async (text) => {
      const path = await conf(`${text}\ntracker_server = 10.0.0.1:22122\n`)
      expect(() => get_tracker_conf(path)).toThrow(ConfigError)
    },
  )
})

describe('a client', () => {
  it('is made from a path, and has its attributes', async () => {
    const cluster = await startCluster()
    const path = await conf(cluster.clientConf())
    const client = new Fdfs_client(path)
    expect(client.trackers).toEqual(get_tracker_conf(path))
    expect(client.timeout).toBe(5)
    const ret = await client.upload_by_buffer('some text')
    expect((await client.download_to_buffer(ret['Remote file_id'])).Content).toEqual(Buffer.from('some text'))
    await client.close()
    await cluster.stop()
  })

  it('reads /etc/fdfs/client.conf where no path is given', () => {
    // No test may depend on that file: on most machines it is not there.
    const [one, other] = [undefined, null].map((path): unknown => {
      try {
        return new Fdfs_client(path).trackers
      } catch (error) {
        return (error as Error).message
      }
    })
    expect(one).toEqual(other)
    expect(one).toBeDefined()
  })

  it('is made from a dictionary of either form', async () => {
    const cluster = await startCluster()
    const { host, port } = cluster.trackers[0] as Member
    for (const form of [
      { host_tuple: [[host, String(port)]] as const, timeout: 5, name: 'Tracker Pool' },
      { host_tuple: [host], port, timeout: 5, name: 'Tracker Pool' },
    ]) {
      const client = new Fdfs_client(form)
      expect((await client.list_all_groups())['Groups count']).toBe(1)
      await client.close()
    }
    await cluster.stop()
  })

  it('takes options that count more than the file', async () => {
    await using silent = await fakeServer(() => undefined)
    const client = new Fdfs_client(
      { host_tuple: [['127.0.0.1', String(silent.port)]], timeout: 30 },
      { idleTimeout: 20, retries: 0 },
    )
    await expect(client.list_all_groups()).rejects.toMatchObject({
      name: 'ConnectionError',
      message: "[-] Error: while reading from socket: ('timed out',)",
    })
    await client.close()
  })

  it('maps addresses with the option storageAddressMap, and still says what the tracker says', async () => {
    const cluster = await startCluster()
    const storage = cluster.storage('group1', 0)
    const seen = new Set<string>()
    const conf = { host_tuple: cluster.trackers.map(({ host, port }) => [host, port] as const), timeout: 5 }
    const client = new Fdfs_client(conf, {
      storageAddressMap: ({ host, port }) => {
        seen.add(`${host}:${port}`)
        return { host: 'localhost', port: storage.port }
      },
    })
    const ret = await client.upload_by_buffer('some text')
    expect(ret['Storage IP']).toBe('127.0.0.1')
    expect([...seen]).toEqual([`127.0.0.1:${storage.port}`])
    await client.close()
    await cluster.stop()
  })

  it('works through a FastDfsClient that is given, and leaves it open', async () => {
    const cluster = await startCluster()
    const given = new FastDfsClient(cluster.clientOptions())
    const client = new Fdfs_client('/nowhere/client.conf', given)
    expect(client.trackers).toBeUndefined()
    await client.list_all_groups()
    await client.close()
    expect(await given.admin.listGroups()).toHaveLength(1)
    await given.close()
    await cluster.stop()
  })

  it('refuses calls after close', async () => {
    const client = new Fdfs_client({ host_tuple: ['127.0.0.1'], timeout: 1 })
    await client.close()
    await expect(client.list_all_groups()).rejects.toThrow(ConnectionError)
  })
})
