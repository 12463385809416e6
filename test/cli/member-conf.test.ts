/** What tracker.conf and storage.conf say to embedded members. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readStorageConf, readTrackerConf } from '../../src/cli/member-conf.js'
import { ConfigError } from '../../src/errors.js'

let dir: string
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'fastdfs-conf-'))
})
afterAll(() => rmSync(dir, { recursive: true }))

function write(text: string, name = 'member.conf'): string {
  const path = join(dir, name)
  writeFileSync(path, text)
  return path
}

describe('a tracker.conf', () => {
  it('gives address, folder, rules and intervals', () => {
    const path = write(
      'bind_addr = 10.0.0.1\nport = 22123\nbase_path = /opt/fdfs\nstore_lookup = 1\nstore_group = images\n' +
        'store_server = 2\nstore_path = 2\ndownload_server = 1\nreserved_storage_space = 12.5%\n' +
        'check_active_interval = 120 # seconds\nstorage_sync_file_max_delay = 7\nstorage_sync_file_max_time = 8\n' +
        'use_storage_id = yes\nid_type_in_filename = ip\nuse_trunk_file = false\nwork_threads = 4\nlog_level = info\n',
    )
    expect(readTrackerConf(path)).toEqual({
      options: {
        host: '10.0.0.1',
        port: 22123,
        dir: '/opt/fdfs/data',
        storeLookup: 'group',
        storeGroup: 'images',
        storeServer: 'priority',
        storePath: 'load-balance',
        downloadServer: 'source',
        reservedStorageSpace: '12.5%',
        checkActiveInterval: 120_000,
        storageSyncFileMaxDelay: 7_000,
        storageSyncFileMaxTime: 8_000,
        useStorageId: true,
        idTypeInFileName: 'ip',
      },
      unknown: ['work_threads', 'log_level'],
    })
  })

  it.each([
    ['4GB', 4 * 2 ** 30],
    ['10m', 10 * 2 ** 20],
    ['1024', 1024],
    ['20%', '20%'],
  ])('takes %s for reserved space', (text, expected) => {
    const { options } = readTrackerConf(write(`reserved_storage_space = ${text}\n`))
    expect(options.reservedStorageSpace).toBe(expected)
  })

  it('gives storage IDs only where they are used', () => {
    write('# id group host\n100001 group1 10.0.0.5\n100002 group1 10.0.0.6:23001 rw=read\n', 'ids.conf')
    const text = 'storage_ids_filename = ids.conf\nid_type_in_filename = id\n'
    expect(readTrackerConf(write(`use_storage_id = true\n${text}`)).options.storageIds).toMatchObject([
      { id: '100001', group: 'group1', hosts: ['10.0.0.5'], port: 23000, mode: 'both' },
      { id: '100002', hosts: ['10.0.0.6'], port: 23001, mode: 'read' },
    ])
    const without = readTrackerConf(write(`use_storage_id = false\n${text}`))
    expect(without.options).toMatchObject({ useStorageId: false })
    expect(without.options.storageIds ?? without.options.idTypeInFileName).toBeUndefined()
    expect(without.unknown).toEqual([])
  })

  it.each([
    ['', undefined],
    ['response_ip_addr_size = auto', 16],
    ['response_ip_addr_size = IPv6', 46],
    ['response_ip_addr_size = auto\nuse_storage_id = true\nstorage_ids_filename = wide.conf', 46],
    ['response_ip_addr_size = auto\nuse_storage_id = false\nstorage_ids_filename = wide.conf', 16],
  ])('with %j makes addresses %j bytes wide', (text, expected) => {
    write('100001 group1 10.0.0.5\n100002 group1 [2001:db8::1]:23001\n', 'wide.conf')
    expect(readTrackerConf(write(`${text}\n`)).options.addressSize).toBe(expected)
  })

  it.each([
    ['\nport = many', ':2: port must be a whole number, not "many"'],
    ['store_lookup = 3', ':1: store_lookup must be one of 0, 1, 2, not "3"'],
    ['store_path = 1', ':1: store_path must be one of 0, 2, not "1"'],
    ['id_type_in_filename = name', ':1: id_type_in_filename must be one of ip, id'],
    ['reserved_storage_space = lots', ':1: reserved_storage_space must be a share such as 20%'],
    ['check_active_interval = 0', ':1: check_active_interval must be 1 second at least'],
    ['# trunk\nuse_trunk_file = true', ':2: an embedded tracker has no trunk files'],
    ['disabled = true', ':1: disabled = true'],
    ['use_storage_id = on\nstorage_ids_filename = none.conf', 'none.conf cannot be read'],
  ])('is refused with %j', (text, message) => {
    const path = write(`${text}\n`)
    expect(() => readTrackerConf(path)).toThrow(ConfigError)
    expect(() => readTrackerConf(path)).toThrow(message.startsWith(':') ? `${path}${message}` : message)
  })
})

describe('a storage.conf', () => {
  it('gives address, group, folders and trackers', () => {
    const path = write(
      'group_name = images\nbind_addr =\nport = 23001\nbase_path = /opt/fdfs\nstore_path_count = 2\n' +
        'store_path0 = /disk0\nstore_path1 = /disk1\nsubdir_count_per_path = 16\ncheck_file_duplicate = 1\n' +
        'store_path1_readonly = true\nupload_priority = 3\n' +
        'network_timeout = 10\nheart_beat_interval = 20\nstat_report_interval = 40\nsync_stat_file_interval = 50\n' +
        'max_connections = 300\nallow_hosts = 10.0.1.[1-15,20]\nallow_hosts =\nallow_hosts = 192.168.5.64/26\n' +
        'file_distribute_path_mode = 1\nfile_distribute_rotate_count = 60\n' +
        'sync_start_time = 22:00\nsync_end_time = 6:30\n' +
        'tracker_server = 10.0.0.1:22122\ntracker_server = 10.0.0.2\nsync_wait_msec = 10\n',
    )
    expect(readStorageConf(path)).toEqual({
      options: {
        group: 'images',
        host: undefined,
        port: 23001,
        dir: '/opt/fdfs',
        storePathCount: 2,
        storePaths: ['/disk0', '/disk1'],
        readOnlyStorePaths: [1],
        uploadPriority: 3,
        subdirCount: 16,
        checkFileDuplicate: true,
        networkTimeout: 10_000,
        heartBeatInterval: 20_000,
        statReportInterval: 40_000,
        syncStatFileInterval: 50_000,
        maxConnections: 300,
        allowHosts: ['10.0.1.[1-15,20]', '192.168.5.64/26'],
        fileDistributePathMode: 'random',
        fileDistributeRotateCount: 60,
        syncStartTime: '22:00',
        syncEndTime: '6:30',
        trackers: [
          { host: '10.0.0.1', port: 22122 },
          { host: '10.0.0.2', port: 22122 },
        ],
      },
      unknown: ['sync_wait_msec'],
    })
  })

  it('keeps files in its base path where it names no other', () => {
    expect(readStorageConf(write('base_path = /opt/fdfs\n')).options.storePaths).toEqual(['/opt/fdfs'])
  })

  it.each([
    ['store_path_count = 2\nstore_path0 = /disk0', ': store_path1 is missing'],
    ['\ntracker_server = a:b:c', ':2: '],
    ['heart_beat_interval = 0', ':1: heart_beat_interval must be 1 second at least, not 0'],
    ['port = x', ':1: port must be a whole number'],
  ])('is refused with %j', (text, message) => {
    const path = write(`${text}\n`)
    expect(() => readStorageConf(path)).toThrow(ConfigError)
    expect(() => readStorageConf(path)).toThrow(`${path}${message}`)
  })
})
