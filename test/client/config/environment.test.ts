import { optionsFromEnvironment } from '../../../src/client/config/environment.js'
import { configError, disk } from './files.js'

const read = disk({
  '/etc/client.conf': 'tracker_server = c:1\nconnect_timeout = 2',
  '/etc/bad.conf': 'tracker_server = c:0',
})

const at = (host: string, port = 22122) => ({ hosts: [host], port })

it.each([
  [{ FASTDFS_TRACKERS: 'h1, h2:2' }, { trackers: [at('h1'), at('h2', 2)] }],
  [{ FASTDFS_TRACKERS: 'fdfs://h1/group1?retries=3' }, { trackers: [at('h1')], group: 'group1', retries: 3 }],
  [
    { FASTDFS_TRACKERS: 'fdfs://h1/group1', FASTDFS_GROUP: ' group2 ' },
    { trackers: [at('h1')], group: 'group2' },
  ],
  [{ FASTDFS_CONFIG: '/etc/client.conf' }, { trackers: [at('c', 1)], connectTimeout: 2_000 }],
  [
    { FASTDFS_CONFIG: '/etc/client.conf', FASTDFS_TRACKERS: 'h1', FASTDFS_GROUP: 'g' },
    { trackers: [at('h1')], connectTimeout: 2_000, group: 'g' },
  ],
  [
    { FASTDFS_CONFIG: '/etc/client.conf', FASTDFS_TRACKERS: 'fdfs://h1?connectTimeout=7' },
    { trackers: [at('h1')], connectTimeout: 7 },
  ],
  [
    { FASTDFS_TRACKERS: 'h1', FASTDFS_STORAGE_MAP: '10.0.0.0/8=gateway:23000' },
    { trackers: [at('h1')], storageAddressMap: { '10.0.0.0/8': 'gateway:23000' } },
  ],
  [
    { FASTDFS_TRACKERS: 'h1', FASTDFS_CONFIG: '', FASTDFS_GROUP: ' ', FASTDFS_STORAGE_MAP: '' },
    { trackers: [at('h1')] },
  ],
])('%j', (env, expected) => {
  expect(optionsFromEnvironment(env, read)).toEqual(expected)
})

const NONE =
  'no tracker is known: set FASTDFS_TRACKERS to host:port,host:port or FASTDFS_CONFIG to the path of a client.conf'

it.each([
  [{}, NONE],
  [{ FASTDFS_TRACKERS: ' ', FASTDFS_GROUP: 'g' }, NONE],
  [
    { FASTDFS_TRACKERS: 'h:0' },
    'FASTDFS_TRACKERS: "h:0" is not an address host:port or [ipv6]:port: its port is not 1 to 65535',
  ],
  [
    { FASTDFS_TRACKERS: 'http://h' },
    'FASTDFS_TRACKERS: a connection string is fdfs://host:port,host:port/group?option=value, without a user',
  ],
  [{ FASTDFS_CONFIG: '/no.conf' }, 'FASTDFS_CONFIG: cannot read /no.conf: no such file'],
  [
    { FASTDFS_CONFIG: '/etc/bad.conf' },
    'FASTDFS_CONFIG: /etc/bad.conf:1: tracker_server: "c:0" is not an address host:port or [ipv6]:port: its port is not 1 to 65535',
  ],
  [
    { FASTDFS_TRACKERS: 'h', FASTDFS_GROUP: 'a b' },
    `FASTDFS_GROUP: a group's name is 1 to 16 letters and digits, not "a b"`,
  ],
  [
    { FASTDFS_TRACKERS: 'h', FASTDFS_STORAGE_MAP: 'x' },
    'FASTDFS_STORAGE_MAP: expected address=address, separated by commas, not "x"',
  ],
])('%j is refused', (env, message) => {
  expect(configError(() => optionsFromEnvironment(env, read))).toBe(message)
})
