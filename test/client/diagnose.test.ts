/** What a client finds wrong with a cluster. */
import { getEventListeners } from 'node:events'
import type { Diagnosis, Finding } from '../../src/index.js'
import { FastDfsClient } from '../../src/index.js'
import type { TrackerView } from '../../src/client/diagnose.js'
import { findingsOf } from '../../src/client/findings.js'
import type { StorageDiagnosis } from '../../src/client/diagnosis-types.js'
import { startCluster } from '../../src/testing/index.js'
import { fakeServer } from '../support/fake-server.js'
import { deadAddress, rejection, status } from './fakes.js'

const codes = ({ findings }: Diagnosis): string[] => findings.map(({ code }) => code).sort()

describe('diagnose', () => {
  it('finds nothing wrong with a cluster that works', async () => {
    await using cluster = await startCluster({ trackers: 2, groups: 2, storages: 2 })
    const diagnosis = await cluster.client().diagnose()
    expect(diagnosis.findings).toEqual([])
    expect(diagnosis.healthy).toBe(true)
    const [leader, ...others] = cluster.trackers.map(({ port }) => `127.0.0.1:${port}`)
    expect(diagnosis.trackers.map(({ endpoint }) => endpoint)).toEqual([leader, ...others])
    for (const tracker of diagnosis.trackers) {
      expect(tracker).toMatchObject({ reachable: true, addressSize: 16, groups: 2, error: undefined })
      expect(tracker.latency).toBeGreaterThan(0)
    }
    expect(diagnosis.storages).toHaveLength(4)
    for (const storage of diagnosis.storages) {
      expect(storage).toMatchObject({ reachable: true, status: 'ACTIVE', version: '6.16.1' })
      expect(storage.freeBytes).toBeGreaterThan(0)
    }
  })

  it('leaves no request under way when one of several has failed', async () => {
    await using cluster = await startCluster({ groups: 2 })
    cluster.fault({ on: 'tracker', from: 'clients', command: 'listStorage', times: 1 }, { cutAfter: 0 })
    cluster.fault({ on: 'tracker', from: 'clients', command: 'listStorage' }, { delay: 100 })
    const { signal } = new AbortController()
    expect(codes(await cluster.client().diagnose({ signal }))).not.toEqual([])
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it('finds a tracker and a storage that are down, and says what to do', async () => {
    await using cluster = await startCluster({ trackers: 2, storages: 2 })
    const client = cluster.client()
    const storage = cluster.storage('group1', 1)
    await storage.stop()
    await cluster.trackers[1]?.stop()
    const diagnosis = await client.diagnose()
    expect(diagnosis.healthy).toBe(false)
    expect(codes(diagnosis)).toEqual(expect.arrayContaining(['STORAGE_NOT_ACTIVE', 'TRACKER_UNREACHABLE']))
    expect(diagnosis.findings).toContainEqual({
      code: 'TRACKER_UNREACHABLE',
      severity: 'error',
      subject: `127.0.0.1:${cluster.trackers[1]?.port}`,
      message: expect.stringMatching(/^cannot connect: ECONNREFUSED/) as unknown,
      remedy: 'start it, open its port, or take it out of `trackers`',
    })
    expect(diagnosis.trackers[1]).toMatchObject({ reachable: false, error: { name: 'ConnectError' } })
    expect(diagnosis.storages.find(({ endpoint }) => endpoint.endsWith(`:${storage.port}`))).toMatchObject({
      reachable: false,
      status: 'OFFLINE',
    })
  })

  it('says what it can where no tracker answers, answers well, or knows anything', async () => {
    await using silent = await fakeServer(() => {})
    await using odd = await fakeServer((request) => (request[8] === 111 ? Buffer.alloc(10) : status(22)))
    await using garbled = await fakeServer((request) =>
      request[8] === 111 ? Buffer.from('00000000000000006400', 'hex') : status(5),
    )
    await using empty = await fakeServer((request) =>
      request[8] === 111 || request[8] === 91 ? Buffer.from('00000000000000006400', 'hex') : status(2),
    )
    await using client = new FastDfsClient({
      trackers: [await deadAddress(), silent.address, odd.address, garbled.address, empty.address],
      idleTimeout: 400,
    })
    const diagnosis = await client.diagnose()
    const of = (subject: string | undefined): Finding[] =>
      diagnosis.findings.filter((finding) => finding.subject === subject)
    expect(of(diagnosis.trackers[0]?.endpoint)).toMatchObject([{ code: 'TRACKER_UNREACHABLE' }])
    expect(of(silent.address)).toMatchObject([
      { code: 'TRACKER_UNREACHABLE', message: expect.stringMatching(/no byte moved for 400 ms/) as unknown },
    ])
    expect(of(odd.address)).toMatchObject([{ code: 'TRACKER_UNREACHABLE' }])
    expect(of(garbled.address)).toMatchObject([{ code: 'TRACKER_FAILS' }])
    expect(of(empty.address)).toMatchObject([{ code: 'TRACKER_KNOWS_NOTHING' }])
    expect(diagnosis.storages).toEqual([])
  })

  it('names the address of a tracker that does not work', async () => {
    await using cluster = await startCluster()
    const port = cluster.trackers[0]?.port as number
    await using client = new FastDfsClient({ trackers: [{ hosts: ['127.0.0.77', '127.0.0.1'], port }] })
    const diagnosis = await client.diagnose()
    expect(diagnosis.findings).toMatchObject([
      { code: 'TRACKER_ADDRESS_UNREACHABLE', severity: 'warning', subject: `127.0.0.77:${port}` },
    ])
    expect(diagnosis.healthy).toBe(true)
  })

  it('ends with the call', async () => {
    await using silent = await fakeServer(() => {})
    await using client = new FastDfsClient({ trackers: silent.address })
    expect(await rejection(client.diagnose({ timeout: 50 }))).toMatchObject({ name: 'TimeoutError' })
    const signal = AbortSignal.abort()
    expect(await rejection(client.diagnose({ signal }))).toMatchObject({ name: 'AbortError' })
  })
})

describe('findings', () => {
  const at = new Date('2026-11-22T12:00:00Z')
  const seconds = (offset: number): Date => new Date(at.getTime() + offset * 1000)
  const MIB = 1024 * 1024

  interface Facts {
    tracker?: object
    group?: object
    record?: object
    statistics?: object
    storage?: object
  }

  /** A tracker at 192.0.2.N with one group and one storage at 198.51.100.1; nothing is wrong with them. */
  const seen = (...facts: Facts[]): Parameters<typeof findingsOf>[0] => {
    const views = facts.map(({ tracker, group, record, statistics }, i): TrackerView => {
      const endpoint = `192.0.2.${i + 1}:22122`
      return {
        tracker: { hosts: [`192.0.2.${i + 1}`], port: 22122 },
        seen: {
          endpoint,
          reachable: true,
          latency: 1,
          version: undefined,
          error: undefined,
          isLeader: i === 0,
          addressSize: 16,
          groups: 1,
          ...tracker,
        },
        deadAddresses: [],
        failure: undefined,
        groups: [
          {
            group: 'group1',
            storageCount: 1,
            activeCount: 1,
            totalBytes: 10_000 * MIB,
            freeBytes: 5000 * MIB,
            reservedBytes: 1000 * MIB,
            ...group,
          } as TrackerView['groups'][number],
        ],
        storages: [
          {
            group: 'group1',
            id: '100001',
            ip: '198.51.100.1',
            port: 23000,
            status: 'ACTIVE',
            upTime: seconds(-1000),
            ...record,
            statistics: { lastHeartBeat: seconds(-10), lastSourceUpdate: seconds(-60), ...statistics },
          } as TrackerView['storages'][number],
        ],
        versions: new Map(),
      }
    })
    const storages = facts.slice(0, 1).map(({ storage }): StorageDiagnosis => ({
      endpoint: '198.51.100.1:23000',
      reachable: true,
      latency: 1,
      version: '6.16.1',
      error: undefined,
      group: 'group1',
      id: '100001',
      address: '198.51.100.1:23000',
      status: 'ACTIVE',
      freeBytes: 1,
      reservedBytes: 0,
      syncDelay: undefined,
      ...storage,
    }))
    return { at, views, storages, records: views[0]?.storages ?? [] }
  }

  it('are none where nothing is wrong', () => {
    expect(findingsOf(seen({}))).toEqual([])
    expect(findingsOf(seen({}, {}))).toEqual([])
  })

  it.each<[string, Facts[], Partial<Finding>]>([
    ['NO_LEADER', [{ tracker: { isLeader: false } }], { severity: 'warning', subject: 'cluster' }],
    [
      'SEVERAL_LEADERS',
      [{}, { tracker: { isLeader: true } }],
      { severity: 'error', message: '192.0.2.1:22122 and 192.0.2.2:22122 both say that they lead' },
    ],
    ['ADDRESS_SIZES_DIFFER', [{}, { tracker: { addressSize: 46 } }], { severity: 'warning' }],
    [
      'TRACKERS_DISAGREE',
      [{}, { record: { status: 'OFFLINE' } }],
      {
        severity: 'warning',
        subject: '192.0.2.1:22122, 192.0.2.2:22122',
        message: 'storage group1/100001 is ACTIVE to one, OFFLINE to the other',
      },
    ],
    ['GROUP_NOT_WRITABLE', [{ group: { activeCount: 0 } }], { severity: 'error', subject: 'group1' }],
    [
      'GROUP_FULL',
      [{ group: { freeBytes: 1000 * MIB } }],
      { severity: 'error', message: '1000 MiB of 10000 MiB free, 1000 MiB reserved' },
    ],
    ['GROUP_NEARLY_FULL', [{ group: { freeBytes: 1499 * MIB } }], { severity: 'warning', subject: 'group1' }],
    [
      'STORAGE_NOT_ACTIVE',
      [{ storage: { status: 'WAIT_SYNC' } }],
      { severity: 'warning', subject: 'group1/198.51.100.1:23000', message: 'its state is WAIT_SYNC' },
    ],
    ['STORAGE_UNREACHABLE', [{ storage: { reachable: false } }], { severity: 'error', message: 'no answer' }],
    [
      'STORAGE_ADDRESS_DOUBTFUL',
      [{ storage: { endpoint: '127.0.0.1:23000' } }],
      { severity: 'warning', message: '127.0.0.1 is this machine, whichever the storage is on' },
    ],
    [
      'STORAGE_SYNC_DELAYED',
      [{ storage: { syncDelay: 301_000 } }],
      { severity: 'warning', message: 'it has the changes of its group up to 301 s before the newest one' },
    ],
    [
      'HEART_BEAT_MISSING',
      [{ statistics: { lastHeartBeat: seconds(-121) } }],
      { severity: 'warning', subject: '192.0.2.1:22122' },
    ],
    [
      'CLOCK_SKEW',
      [{ statistics: { lastHeartBeat: seconds(60) } }],
      {
        severity: 'warning',
        subject: '192.0.2.1:22122',
        message: "the newest heart beat that it has heard lies 60 s ahead of this machine's clock",
      },
    ],
    [
      'CLOCK_SKEW',
      [{ statistics: { lastSourceUpdate: seconds(5) } }],
      { severity: 'warning', subject: 'group1/198.51.100.1:23000' },
    ],
  ])('tell of %s', (code, facts, expected) => {
    const findings = findingsOf(seen(...facts))
    expect(findings).toMatchObject([{ code, ...expected }])
    expect(findings[0]?.remedy).not.toBe('')
  })

  it('take what cannot be reached in a foreign private network for an address behind NAT', () => {
    const storage = { reachable: false, endpoint: '10.231.7.9:23000', address: '10.231.7.9:23000' }
    expect(findingsOf(seen({ storage }))).toMatchObject([
      { code: 'STORAGE_UNREACHABLE' },
      {
        code: 'STORAGE_ADDRESS_DOUBTFUL',
        remedy: "set storageAddressMap to { '10.231.7.9:23000': 'host:port' } with its address from here",
      },
    ])
    // Where it answers, it is only routed.
    expect(findingsOf(seen({ storage: { ...storage, reachable: true } }))).toEqual([])
  })

  it('tell of storages of several versions', () => {
    const { storages, ...rest } = seen({})
    const [one] = storages as [StorageDiagnosis]
    expect(findingsOf({ ...rest, storages: [one, { ...one, version: '6.12.2' }] })).toMatchObject([
      { code: 'VERSIONS_DIFFER', severity: 'info', message: 'storages run 6.12.2, 6.16.1' },
    ])
  })
})
