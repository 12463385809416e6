import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadClientConf } from '../../../src/client/config/client-conf.js'
import { configError, disk } from './files.js'

const load = (text: string, others: Record<string, string> = {}) =>
  loadClientConf('/etc/fdfs/client.conf', disk({ '/etc/fdfs/client.conf': text, ...others }))

const properties = (text: string) => loadClientConf('/a.properties', disk({ '/a.properties': text }))

const T1 = { hosts: ['192.168.0.196'], port: 22122 }
const T2 = { hosts: ['192.168.0.197'], port: 22122 }
const TRACKER = 'tracker_server=192.168.0.197:22122\n'

describe('the sample of the C library', () => {
  /** What stands in `conf/client.conf` of upstream, without its remarks. */
  const sample = (connectTimeout: number, basePath: string, ...more: string[]): string =>
    [
      '# connect timeout in seconds',
      `connect_timeout = ${connectTimeout}`,
      'network_timeout = 60',
      `base_path = ${basePath}`,
      ...more,
      'log_level = info',
      'use_connection_pool = false',
      'connection_pool_max_idle_time = 3600',
      'load_fdfs_parameters_from_tracker = false',
      'use_storage_id = false',
      'storage_ids_filename = storage_ids.conf',
      '##include http.conf',
    ].join('\n')
  const both = ['tracker_server = 192.168.0.196:22122', 'tracker_server = 192.168.0.197:22122']
  const port = 'http.tracker_server_port = 80'

  it.each([
    ['V5.11', sample(30, '/home/yuqing/fastdfs', 'tracker_server=192.168.0.197:22122', port), 30_000, [T2]],
    ['V6.06', sample(5, '/home/yuqing/fastdfs', ...both, port), 5_000, [T1, T2]],
    ['V6.9.5', sample(5, '/opt/fastdfs', ...both, port), 5_000, [T1, T2]],
    ['V6.12.2', sample(5, '/opt/fastdfs', ...both, 'connect_first_by = tracker', port), 5_000, [T1, T2]],
    ['V6.16.1', sample(5, '/opt/fastdfs', ...both, 'connect_first_by = tracker'), 5_000, [T1, T2]],
  ])('of %s', (_, text, connectTimeout, trackers) => {
    expect(load(text)).toEqual({
      options: { trackers, connectTimeout, idleTimeout: 60_000 },
      antiSteal: undefined,
    })
  })
})

describe('the samples of the Java client', () => {
  it('fdfs_client.conf', () => {
    const text = `connect_timeout = 2
network_timeout = 30
charset = UTF-8
http.tracker_http_port = 8080
http.anti_steal_token = no
http.secret_key = FastDFS1234567890

tracker_server = 10.0.11.243:22122
tracker_server = 10.0.11.244:22122

connection_pool.enabled = true
connection_pool.max_count_per_entry = 500
connection_pool.max_idle_time = 3600
connection_pool.max_wait_time_in_ms = 1000`
    expect(load(text)).toEqual({
      options: {
        trackers: [
          { hosts: ['10.0.11.243'], port: 22122 },
          { hosts: ['10.0.11.244'], port: 22122 },
        ],
        connectTimeout: 2_000,
        idleTimeout: 30_000,
        metadataEncoding: 'UTF-8',
        maxConnections: 500,
        queueTimeout: 1_000,
      },
      antiSteal: { checkToken: false, secretKey: 'FastDFS1234567890' },
    })
  })

  it('fastdfs-client.properties', () => {
    const text = `## fastdfs-client.properties

fastdfs.connect_timeout_in_seconds = 5
fastdfs.network_timeout_in_seconds = 30
fastdfs.charset = UTF-8
fastdfs.http_anti_steal_token = false
fastdfs.http_secret_key = FastDFS1234567890
fastdfs.http_tracker_http_port = 80
fastdfs.tracker_servers = 10.0.11.201:22122,10.0.11.202:22122,10.0.11.203:22122
fastdfs.connection_pool.enabled = true
fastdfs.connection_pool.max_count_per_entry = 500
fastdfs.connection_pool.max_idle_time = 3600
fastdfs.connection_pool.max_wait_time_in_ms = 1000
`
    expect(properties(text)).toEqual({
      options: {
        trackers: [
          { hosts: ['10.0.11.201'], port: 22122 },
          { hosts: ['10.0.11.202'], port: 22122 },
          { hosts: ['10.0.11.203'], port: 22122 },
        ],
        connectTimeout: 5_000,
        idleTimeout: 30_000,
        metadataEncoding: 'UTF-8',
        maxConnections: 500,
        queueTimeout: 1_000,
      },
      antiSteal: { checkToken: false, secretKey: 'FastDFS1234567890' },
    })
  })
})

describe('trackers', () => {
  it.each([
    ['tracker_server = t1', [['t1', 22122]]],
    ['tracker_server = t1:1 # the old one', [['t1', 1]]],
    ['tracker_server = 192.168.2.100,122.244.141.46:22123', [['192.168.2.100', '122.244.141.46', 22123]]],
    ['tracker_server = [2001:db8::1]:1', [['2001:db8::1', 1]]],
    ['tracker_server = [2001:db8::1,fe80::1]:1', [['2001:db8::1', 'fe80::1', 1]]],
    [
      'tracker_server = t1:1\ntracker_server=t2:2\ntracker_server= T1:1',
      [
        ['T1', 1],
        ['t2', 2],
      ],
    ],
  ])('%j', (text, expected) => {
    expect(load(text).options.trackers.map(({ hosts, port }) => [...hosts, port])).toEqual(expected)
  })

  it.each([
    ['', '/etc/fdfs/client.conf has no tracker_server'],
    ['[client]\ntracker_server=t1', '/etc/fdfs/client.conf has no tracker_server'],
    [
      'tracker_server=t1\ntracker_server = t2:99999',
      '/etc/fdfs/client.conf:2: tracker_server: "t2:99999" is not an address host:port or [ipv6]:port: its port is not 1 to 65535',
    ],
    [
      'tracker_server=',
      '/etc/fdfs/client.conf:1: tracker_server: "" is not an address host:port or [ipv6]:port: it has no host',
    ],
    [
      Array.from({ length: 17 }, (_, i) => `tracker_server=t${i}`).join('\n'),
      '/etc/fdfs/client.conf: 17 trackers are named, at most 16 are possible',
    ],
  ])('%j is refused', (text, message) => {
    expect(configError(() => load(text))).toBe(message)
  })

  it.each([
    [
      't1:1, t2:2',
      [
        ['t1', 1],
        ['t2', 2],
      ],
    ],
    ['192.168.2.100,122.244.141.46:9', [['192.168.2.100', '122.244.141.46', 9]]],
    [
      't1:1,10.0.0.1,t2:9,t3:3',
      [
        ['t1', 1],
        ['10.0.0.1', 't2', 9],
        ['t3', 3],
      ],
    ],
    ['[2409:8a20:42d:2f40:587a:4c47:72c0:ad8e]:22122', [['2409:8a20:42d:2f40:587a:4c47:72c0:ad8e', 22122]]],
    [
      '[::1]:1,[::2]:2',
      [
        ['::1', 1],
        ['::2', 2],
      ],
    ],
    ['t1', [['t1', 22122]]],
  ])('of .properties: %s', (text, expected) => {
    const { trackers } = properties(`fastdfs.tracker_servers=${text}`).options
    expect(trackers.map(({ hosts, port }) => [...hosts, port])).toEqual(expected)
  })

  it.each([
    ['tracker_server=t1', '/a.properties has no fastdfs.tracker_servers'],
    ['fastdfs.tracker_servers = ', '/a.properties has no fastdfs.tracker_servers'],
    [
      '\nfastdfs.tracker_servers=t1:x',
      '/a.properties:2: fastdfs.tracker_servers: "t1:x" is not an address host:port or [ipv6]:port: IPv6 addresses stand in brackets',
    ],
  ])('of .properties: %j is refused', (text, message) => {
    expect(configError(() => properties(text))).toBe(message)
  })
})

describe('options', () => {
  it.each([
    ['', {}],
    ['connect_timeout = 0\nnetwork_timeout = -1', {}],
    ['connect_timeout =', {}],
    ['connect_timeout = 1\nconnect_timeout = 3 # seconds', { connectTimeout: 3_000 }],
    ['charset = GBK', { metadataEncoding: 'GBK' }],
    ['charset = ISO8859-1', { metadataEncoding: 'ISO8859-1' }],
    ['connection_pool_max_idle_time = 5', {}],
    ['use_connection_pool = no\nconnection_pool_max_idle_time = 0', {}],
    ['use_connection_pool = yes', {}],
    ['use_connection_pool = yes\nconnection_pool_max_idle_time = 3600', {}],
    ['use_connection_pool = yes\nconnection_pool_max_idle_time = 5', { idleConnectionTtl: 5_000 }],
    ['connection_pool.max_count_per_entry = 0\nconnection_pool.max_wait_time_in_ms = 0', {}],
    ['connection_pool.max_idle_time = 5', { idleConnectionTtl: 5_000 }],
    ['connection_pool.enabled = false\nconnection_pool.max_count_per_entry = 5', {}],
    ['fastdfs.charset = GBK\nno_such_key = 1\nlog_level = loud', {}],
  ])('%j gives %j', (text, expected) => {
    const { trackers, ...others } = load(TRACKER + text).options
    expect([trackers, others]).toEqual([[T2], expected])
  })

  it.each([
    ['connect_timeout = soon', '2: connect_timeout must be a whole number, not "soon"'],
    ['charset = klingon', '2: charset: "klingon" is not the name of a known encoding'],
    [
      'use_connection_pool = 1\nconnection_pool_max_idle_time = 0',
      '3: connection_pool_max_idle_time must be above 0, not 0',
    ],
  ])('%j is refused', (text, message) => {
    expect(configError(() => load(TRACKER + text))).toBe(`/etc/fdfs/client.conf:${message}`)
  })
})

describe('the key of URLs', () => {
  it.each([
    ['', undefined],
    [
      'http.anti_steal.check_token=true\nhttp.anti_steal.secret_key = abc',
      { checkToken: true, secretKey: 'abc' },
    ],
    ['http.anti_steal.secret_key = abc', { checkToken: false, secretKey: 'abc' }],
    ['http.anti_steal_token=yes\nhttp.secret_key = abc', { checkToken: true, secretKey: 'abc' }],
    ['#include http.conf', { checkToken: true, secretKey: 'included' }],
  ])('%j', (text, expected) => {
    const http = 'http.anti_steal.check_token=true\nhttp.anti_steal.secret_key=included'
    expect(load(TRACKER + text, { '/etc/fdfs/http.conf': http }).antiSteal).toEqual(expected)
  })

  it.each([
    ['http.anti_steal.check_token = 1', 'http.anti_steal.check_token needs http.anti_steal.secret_key'],
    ['http.anti_steal_token = 1', 'http.anti_steal_token needs http.secret_key'],
  ])('%j is refused', (text, message) => {
    expect(configError(() => load(TRACKER + text))).toBe(`/etc/fdfs/client.conf:2: ${message}`)
  })
})

describe('storage IDs', () => {
  const USE = `${TRACKER}use_storage_id = true\n`
  const ids = '100001 group1 10.0.0.1\n'
  const first = { id: '100001', group: 'group1', hosts: ['10.0.0.1'], port: 23000, mode: 'both' }

  it.each([
    [`${USE}storage_ids_filename = ids.conf`, '/etc/fdfs/ids.conf', [first]],
    [`${USE}storage_ids_filename = /opt/ids.conf`, '/opt/ids.conf', [first]],
    [`${TRACKER}storage_ids_filename = ids.conf`, '/etc/fdfs/ids.conf', undefined],
    [`${USE}load_fdfs_parameters_from_tracker = true`, '/etc/fdfs/ids.conf', 'tracker'],
  ])('%j', (text, path, expected) => {
    expect(load(text, { [path]: ids }).options.storageIds).toEqual(expected)
  })

  it.each([
    [USE, {}, '/etc/fdfs/client.conf has use_storage_id, but no storage_ids_filename'],
    [
      `${USE}storage_ids_filename = ids.conf`,
      {},
      '/etc/fdfs/client.conf:3: cannot read /etc/fdfs/ids.conf: no such file',
    ],
    [
      `${USE}storage_ids_filename = ids.conf`,
      { '/etc/fdfs/ids.conf': '\n0 group1 h' },
      '/etc/fdfs/ids.conf:2: a storage ID is a number from 1 to 16777215, not "0"',
    ],
  ])('%j is refused', (text, others, message) => {
    expect(configError(() => load(text, others))).toBe(message)
  })
})

describe('a file on disk', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fastdfs-'))
  afterAll(() => rmSync(folder, { recursive: true }))

  it('is read, by a path or as file://', () => {
    const path = join(folder, 'client.conf')
    writeFileSync(path, TRACKER)
    expect(
      [loadClientConf(path), loadClientConf(`file://${path}`)].map(({ options }) => options.trackers),
    ).toEqual([[T2], [T2]])
  })

  it.each([
    [join(folder, 'none.conf'), /^cannot read .*none\.conf: no such file$/],
    [folder, /: not a regular file$/],
    ['http://10.0.0.1/client.conf', /^http:\/\/10\.0\.0\.1\/client\.conf is not read: only local files are/],
  ])('%s cannot be read', (path, message) => {
    expect(configError(() => loadClientConf(path))).toMatch(message)
  })
})
