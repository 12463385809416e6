import fc from 'fast-check'
import { compileAddressMap, parseAddressMap } from '../../../src/client/config/address-map.js'
import type { StorageAddressMap } from '../../../src/client/config/address-map.js'
import { explainAddress } from '../../../src/client/config/explain-address.js'
import type { Endpoint } from '../../../src/net/endpoint.js'
import { formatEndpoint, parseEndpoint } from '../../../src/net/endpoint.js'
import { configError } from './files.js'

function look(map: StorageAddressMap, group: string, endpoint: string): string {
  return formatEndpoint(compileAddressMap(map)(group, parseEndpoint(endpoint, 23000)))
}

describe('precedence', () => {
  const map = {
    '0.0.0.0/0': 'any4',
    '::/0': 'any6',
    '10.0.0.0/8': 'net8:8',
    '10.1.0.0/16': 'net16:16',
    '10.1.1.1/32': 'net32:32',
    '10.1.1.1': 'host',
    '10.1.1.1:23000': 'port:1',
    'group1/10.1.1.1:23000': 'group:2',
    'fd00::/8': 'v6net',
    '[fd00:0:0::1]:23000': '[::1]:3',
    'FD00::2': '[::2]',
    'Storage-1': 'name',
  }

  it.each([
    ['group1', '10.1.1.1:23000', 'group:2'],
    ['group2', '10.1.1.1:23000', 'port:1'],
    ['group1', '10.1.1.1:23001', 'host:23001'],
    ['group1', '10.1.2.1:23000', 'net16:16'],
    ['group1', '10.2.2.1:23000', 'net8:8'],
    ['group1', '11.0.0.1:23000', 'any4:23000'],
    ['group1', '[fd00::1]:23000', '[::1]:3'],
    ['group1', '[fd00::1]:1', 'v6net:1'],
    ['group1', '[fd00::2]:1', '[::2]:1'],
    ['group1', '[fe80::1]:1', 'any6:1'],
    ['group1', '[::ffff:10.2.0.1]:1', 'net8:8'],
    ['group1', 'storage-1:5', 'name:5'],
    ['group1', 'storage-2:5', 'storage-2:5'],
  ])('%s %s is at %s', (group, endpoint, expected) => {
    expect(look(map, group, endpoint)).toBe(expected)
  })

  it('gives the same object where nothing is said', () => {
    const endpoint: Endpoint = { host: '10.0.0.1', port: 1 }
    expect(compileAddressMap({ '10.0.0.1:2': 'x' })('g', endpoint)).toBe(endpoint)
    expect(compileAddressMap({})('g', endpoint)).toBe(endpoint)
    expect(compileAddressMap(() => undefined)('g', endpoint)).toBe(endpoint)
  })
})

describe('networks', () => {
  const octets = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255))
  const number = (parts: readonly number[]): number => parts.reduce((sum, part) => sum * 256 + part, 0)

  it('hold the IPv4 addresses that begin as they do', () => {
    fc.assert(
      fc.property(
        octets,
        octets,
        fc.integer({ min: 0, max: 32 }),
        fc.integer({ min: 0, max: 32 }),
        (net, other, bits, same) => {
          // The address shares its first `same` bits with the network, the rest is by chance.
          const rest = 2 ** (32 - same)
          const address = Math.floor(number(net) / rest) * rest + (number(other) % rest)
          const dotted = [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.')
          const isIn = Math.floor(address / 2 ** (32 - bits)) === Math.floor(number(net) / 2 ** (32 - bits))
          expect(look({ [`${net.join('.')}/${bits}`]: 'x' }, 'g', `${dotted}:1`)).toBe(
            isIn ? 'x:1' : `${dotted}:1`,
          )
        },
      ),
    )
  })

  it('hold the IPv6 addresses that begin as they do', () => {
    const words = fc.array(fc.nat(0xffff), { minLength: 8, maxLength: 8 })
    fc.assert(
      fc.property(words, fc.nat(127), fc.integer({ min: 0, max: 128 }), (net, flipped, bits) => {
        const address = net.map((word, i) => (i === flipped >> 4 ? word ^ (0x8000 >> (flipped & 15)) : word))
        const text = (list: readonly number[]): string => list.map((word) => word.toString(16)).join(':')
        const endpoint = { host: text(address), port: 1 }
        const found = compileAddressMap({ [`${text(net)}/${bits}`]: 'x' })('g', endpoint)
        expect(found.host).toBe(flipped < bits ? endpoint.host : 'x')
      }),
    )
  })

  it.each([
    ['fd00::/8', 'fd12:3456::1', true],
    ['[fd00::]/8', 'fe00::1', false],
    ['::ffff:0:0/128', '::ffff:0:0', false],
    ['2001:db8::10.0.0.0/104', '2001:db8::a01:203', true],
    ['fe80::/10', 'fe80::1%eth0', true],
  ])('%s holds %s: %s', (network, host, holds) => {
    const address = { host, port: 1 }
    const map = (): Endpoint => compileAddressMap({ [network]: 'x' })('g', address)
    if (network.startsWith('::ffff')) expect(configError(map)).toMatch(/at most 32 bits, not 128$/)
    else expect(map() !== address).toBe(holds)
  })
})

describe('a key or value that is wrong', () => {
  const FORM = 'is not an address: expected host:port or [ipv6]:port'

  it.each([
    [{ '10.0.0.0/33': 'x' }, '"10.0.0.0/33": a network of this kind has at most 32 bits, not 33'],
    [{ 'fd00::/129': 'x' }, '"fd00::/129": a network of this kind has at most 128 bits, not 129'],
    [
      { 'group1/10.0.0.1': 'x' },
      '"group1/10.0.0.1": expected group/host:port, host:port, host or address/bits',
    ],
    [{ 'localhost/8': 'x' }, '"localhost/8": expected group/host:port, host:port, host or address/bits'],
    [{ 'group_1/h:1': 'x' }, `"group_1/h:1": a group's name is 1 to 16 letters and digits, not "group_1"`],
    [{ 'h:0': 'x' }, `"h:0": "h:0" ${FORM}`],
    [{ '': 'x' }, `"": "" ${FORM}`],
    [{ 'fd00::1:23000': 'x' }, `"fd00::1:23000": "fd00::1:23000" ${FORM}`],
    [{ h: '' }, `"h": "" ${FORM}`],
    [{ h: 'i:99999' }, `"h": "i:99999" ${FORM}`],
    [{ h: 'group1/i:1' }, `"h": "group1/i:1" ${FORM}`],
    [{ h: 7 }, '"h": expected a text host or host:port, not 7'],
    [{ h: 'x', H: 'y' }, '"H": another key means the same'],
    [{ 'fd00::1': 'x', '[FD00:0::1]': 'y' }, '"[FD00:0::1]": another key means the same'],
    [{ '10.0.0.0/8': 'x', '10.1.0.0/8': 'y' }, '"10.1.0.0/8": another key means the same'],
  ])('%j', (map, message) => {
    expect(configError(() => compileAddressMap(map as Record<string, string>))).toBe(
      `storageAddressMap ${message}`,
    )
  })

  it.each([[null], ['h=i'], [[['h', 'i']]]])('%j is no map', (map) => {
    expect(configError(() => compileAddressMap(map as unknown as Record<string, string>))).toMatch(
      /^storageAddressMap must be an object or a function, not /,
    )
  })
})

describe('a function', () => {
  it('is told all that is known', () => {
    const map = jest.fn(() => undefined)
    const lookup = compileAddressMap(map)
    lookup('group1', { host: 'h', port: 1 }, '100001')
    lookup('group1', { host: 'h', port: 1 })
    expect(map.mock.calls).toEqual([
      [{ group: 'group1', host: 'h', port: 1, id: '100001' }],
      [{ group: 'group1', host: 'h', port: 1, id: undefined }],
    ])
  })

  it.each([
    ['i', 'i:1'],
    ['i:2', 'i:2'],
    ['fd00::1', '[fd00::1]:1'],
    [{ host: 'fd00::1', port: 3 }, '[fd00::1]:3'],
    [undefined, 'h:1'],
  ])('may give %j', (given, expected) => {
    expect(look(() => given, 'g', 'h:1')).toBe(expected)
  })

  it.each([
    [() => 7, 'expected a text host or host:port, not 7'],
    [() => ({ host: 'i', port: 0 }), '"i:0" is not an address: expected host:port or [ipv6]:port'],
    [() => Promise.resolve('i'), /^expected a text host or host:port, not Promise/],
    [
      () => {
        throw new TypeError('oops')
      },
      /^the function threw .*oops/,
    ],
  ])('may not do %s', (map, reason) => {
    const message = configError(() => look(map as unknown as StorageAddressMap, 'g', 'h:1'))
    const place = 'storageAddressMap for g/h:1: '
    expect(message.slice(0, place.length)).toBe(place)
    expect(message.slice(place.length)).toEqual(
      typeof reason === 'string' ? reason : expect.stringMatching(reason),
    )
  })
})

describe('the text of a map', () => {
  it.each([
    ['h=i', { h: 'i' }],
    [
      '10.0.0.0/8=gateway:23000, group1/10.1.1.1:23000 = 127.0.0.1:30001',
      { '10.0.0.0/8': 'gateway:23000', 'group1/10.1.1.1:23000': '127.0.0.1:30001' },
    ],
    ['[fd00::1]:1=[::1]:2', { '[fd00::1]:1': '[::1]:2' }],
  ])('%s', (text, expected) => {
    expect(parseAddressMap(text)).toEqual(expected)
  })

  it.each([
    ['', 'expected address=address, separated by commas, not ""'],
    ['h', 'expected address=address, separated by commas, not "h"'],
    ['h=', 'expected address=address, separated by commas, not "h="'],
    [' =i', 'expected address=address, separated by commas, not " =i"'],
    ['h=i=j', 'expected address=address, separated by commas, not "h=i=j"'],
    ['h=i,', 'expected address=address, separated by commas, not ""'],
    ['h=i,h=j', '"h" is mapped twice'],
  ])('%j is refused', (text, message) => {
    expect(configError(() => parseAddressMap(text))).toBe(message)
  })
})

describe('explainAddress', () => {
  const HINT =
    "; if it has another address from here, set storageAddressMap to { '10.0.0.1:23000': 'host:port' }"
  const given = { host: '10.0.0.1', port: 23000 }
  const GAVE = 'the tracker gave 10.0.0.1:23000 for a storage of group1'

  it.each([
    [given, ['10.0.0.7/24'], ''],
    [
      given,
      ['192.168.0.2/16', 'fe80::1/64'],
      '; 10.0.0.1 looks unreachable: it belongs to a private network that this machine is not in',
    ],
    [
      { host: '127.0.0.1', port: 9 },
      [],
      ', storageAddressMap made it 127.0.0.1:9; 127.0.0.1 is this machine, whichever the storage is on',
    ],
    [{ host: 'gateway', port: 9 }, [], ', storageAddressMap made it gateway:9'],
    [{ host: '203.0.113.9', port: 9 }, [], ', storageAddressMap made it 203.0.113.9:9'],
    [
      { host: 'fd00::1', port: 9 },
      ['10.0.0.1/8'],
      ', storageAddressMap made it [fd00::1]:9; fd00::1 looks unreachable: it belongs to a private network that this machine is not in',
    ],
  ])('%j from %j', (used, networks, expected) => {
    expect(explainAddress('group1', given, used, networks)).toBe(`${GAVE}${expected}${HINT}`)
  })

  it('knows the networks of this machine', () => {
    const loopback = { host: '127.0.0.1', port: 1 }
    expect(explainAddress('group1', loopback)).toMatch(
      /^the tracker gave 127\.0\.0\.1:1 for a storage of group1; /,
    )
  })
})
