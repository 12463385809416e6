import fc from 'fast-check'
import {
  endpointsOf,
  formatServerAddress,
  parseServerAddress,
} from '../../../src/client/config/server-address.js'
import { parseTrackers, resolveTrackers } from '../../../src/client/config/trackers.js'
import { configError } from './files.js'

const at = (port: number, ...hosts: string[]) => ({ hosts, port })

it.each([
  ['10.0.0.1:22123', at(22123, '10.0.0.1')],
  ['10.0.0.1', at(22122, '10.0.0.1')],
  [' tracker-1.example.org:1 ', at(1, 'tracker-1.example.org')],
  ['192.168.2.100,122.244.141.46:22122', at(22122, '192.168.2.100', '122.244.141.46')],
  ['192.168.1.10, 172.17.4.21', at(22122, '192.168.1.10', '172.17.4.21')],
  ['[2001:db8::1]:65535', at(65535, '2001:db8::1')],
  ['[2001:db8::1]', at(22122, '2001:db8::1')],
  ['[fe80::1%eth0]:22122', at(22122, 'fe80::1%eth0')],
  [
    '[2409:8a20:42d:2f40:587a:4c47:72c0:ad8e,fe80::1ee9:90a8:1351:436c]:22122',
    at(22122, '2409:8a20:42d:2f40:587a:4c47:72c0:ad8e', 'fe80::1ee9:90a8:1351:436c'),
  ],
  ['[10.0.0.1,fd00::1]:22122', at(22122, '10.0.0.1', 'fd00::1')],
])('%s is the server %j', (text, address) => {
  expect(parseServerAddress(text, 22122)).toEqual(address)
})

it.each([
  ['', ': it has no host'],
  [':22122', ': it has no host'],
  ['a,,b:1', ': it has no host'],
  ['[]:1', ': it has no host'],
  ['a,b,c:1', ': it has 3 hosts, at most 2 are possible'],
  ['a:0', ': its port is not 1 to 65535'],
  ['a:65536', ': its port is not 1 to 65535'],
  ['a b:1', ': "a b" is not a host'],
  ['user@a:1', ': "user@a" is not a host'],
  ['[::g]:1', ': "::g" is not a host'],
  ['[::1', ''],
  ['[::1]22122', ''],
  ['2001:db8::1', ': IPv6 addresses stand in brackets'],
  ['2001:db8::1:22122', ': IPv6 addresses stand in brackets'],
])('%j is no server%s', (text, why) => {
  expect(configError(() => parseServerAddress(text, 22122))).toBe(
    `${JSON.stringify(text)} is not an address host:port or [ipv6]:port${why}`,
  )
})

it('writes what it reads', () => {
  const host = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain())
  const hosts = fc.tuple(host).chain(([first]) =>
    fc.oneof(
      fc.constant([first]),
      host.map((second) => [first, second]),
    ),
  )
  fc.assert(
    fc.property(hosts, fc.integer({ min: 1, max: 65_535 }), (names, port) => {
      const address = { hosts: names as [string], port }
      expect(parseServerAddress(formatServerAddress(address), 1)).toEqual(address)
      expect(parseTrackers(formatServerAddress(address))).toEqual([address])
    }),
  )
})

it('connects to each host, in order', () => {
  expect(endpointsOf(parseServerAddress('a,b:5', 1))).toEqual([
    { host: 'a', port: 5 },
    { host: 'b', port: 5 },
  ])
})

describe('resolveTrackers', () => {
  it.each([
    ['a', [at(22122, 'a')]],
    ['a:1,b:2, [::1]:3', [at(1, 'a'), at(2, 'b'), at(3, '::1')]],
    ['a:1,[b,c]:2,[::1,::2]', [at(1, 'a'), at(2, 'b', 'c'), at(22122, '::1', '::2')]],
    [
      ['a:1', 'b:2,c:3'],
      [at(1, 'a'), at(2, 'b'), at(3, 'c')],
    ],
    [[{ host: '::1', port: 1 }], [at(1, '::1')]],
    [
      [{ hosts: ['a', 'b'], port: 1 }, 'c'],
      [at(1, 'a', 'b'), at(22122, 'c')],
    ],
    [
      ['a:1', 'A:1', { host: 'a', port: 1 }, 'a:2'],
      [at(1, 'a'), at(2, 'a')],
    ],
  ])('%j', (given, expected) => {
    expect(
      resolveTrackers(given).map(({ hosts, port }) => ({ hosts: hosts.map((h) => h.toLowerCase()), port })),
    ).toEqual(expected)
  })

  it.each([
    [undefined, 'trackers must name at least one tracker as host:port, not undefined'],
    [[], 'trackers must name at least one tracker as host:port, not []'],
    ['a,', '"" is not an address host:port or [ipv6]:port: it has no host'],
    [[7], 'a tracker is a text host:port, { host, port } or { hosts: [host, host], port }, not 7'],
    [
      [{ host: 'a' }],
      "a tracker is a text host:port, { host, port } or { hosts: [host, host], port }, not { host: 'a' }",
    ],
    [[{ host: 'a', port: 0 }], 'tracker "a:0": its port is not 1 to 65535'],
    [[{ host: 'a b', port: 1 }], 'tracker "a b:1": "a b" is not a host'],
    [[{ hosts: [], port: 1 }], 'tracker "[]:1": it has no host'],
    [[{ hosts: ['a', 'b', 'c'], port: 1 }], 'tracker "[a,b,c]:1": it has 3 hosts, at most 2 are possible'],
    [Array.from({ length: 17 }, (_, i) => `h${i}`), '17 trackers are named, at most 16 are possible'],
  ])('refuses %j', (given, message) => {
    expect(configError(() => resolveTrackers(given))).toBe(message)
  })

  it('gives what nobody can change', () => {
    const [tracker] = resolveTrackers('[a,b]:1')
    expect([tracker, tracker?.hosts].every(Object.isFrozen)).toBe(true)
  })
})
