import { constants } from 'node:buffer'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { resolveOptions } from '../../src/client/options.js'
import type { ClientOptions } from '../../src/index.js'
import { ConfigError, DEFAULTS, FastDfsClient } from '../../src/index.js'

const trackers = '10.0.0.1:22122'
const resolve = (options: object): ReturnType<typeof resolveOptions> =>
  resolveOptions({ trackers, ...options })

function refusal(options: unknown): ConfigError {
  try {
    new FastDfsClient(options as ClientOptions)
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    return error as ConfigError
  }
  throw new Error('the options were taken')
}

describe('defaults', () => {
  const defaults = {
    connectTimeout: 5000,
    idleTimeout: 30_000,
    timeout: Infinity,
    retries: 2,
    retryDeadline: 60_000,
    maxConnections: 64,
    minConnections: 0,
    maxQueue: 10_000,
    queueTimeout: 30_000,
    idleConnectionTtl: 20_000,
    maxConnectionAge: 1_800_000,
    maxBufferBytes: 268_435_456,
    verify: true,
    trackerCache: 0,
    readFrom: 'tracker',
    extPolicy: 'error',
    metadataEncoding: 'utf8',
  }

  it('are those of design.md, and cannot be changed', () => {
    expect(DEFAULTS).toEqual(defaults)
    expect(Object.isFrozen(DEFAULTS)).toBe(true)
  })

  it('are used where an option is absent or undefined', () => {
    const expected = {
      trackers: [{ hosts: ['10.0.0.1'], port: 22122 }],
      group: undefined,
      addressOf: expect.any(Function) as unknown,
      storageIds: [],
      connect: undefined,
      retryBudget: expect.any(Object) as unknown,
      onRetry: undefined,
      log: expect.any(Object) as unknown,
      ...defaults,
    }
    expect(resolve({})).toEqual(expected)
    expect(resolve(Object.fromEntries(Object.keys(defaults).map((name) => [name, undefined])))).toEqual(
      expected,
    )
    expect(Object.isFrozen(resolve({}))).toBe(true)
  })
})

describe('what the documentation says of defaults', () => {
  const shown = (value: unknown): string =>
    value === Infinity ? 'none' : typeof value === 'number' ? String(value) : `'${String(value)}'`

  it('is what they are, beside each option', async () => {
    const source = await readFile(join(__dirname, '../../src/client/options.ts'), 'utf8')
    const tags = [...source.matchAll(/@defaultValue ([^\s*(]+)[^/]*\*\/\s+(\w+)\?:/g)]
    const said = new Map(tags.map(([, value, name]) => [name, value]))
    for (const [name, value] of Object.entries(DEFAULTS)) {
      expect([name, said.get(name)]).toEqual([name, name === 'verify' ? String(value) : shown(value)])
    }
  })

  it('is what they are, in README', async () => {
    const readme = await readFile(join(__dirname, '../../README.md'), 'utf8')
    const rows = [...readme.matchAll(/^\| `(\w+)` \| ([^|]+) \|/gm)]
    const said = new Map(rows.map(([, name, value]) => [name, value?.replace(/[`\s]/g, '')]))
    for (const [name, value] of Object.entries(DEFAULTS)) {
      const text = name === 'maxBufferBytes' ? '256MiB' : name === 'verify' ? 'true' : shown(value)
      expect([name, said.get(name)]).toEqual([name, text])
    }
  })
})

describe('values', () => {
  it.each([
    [{ timeout: 1500 }, 1500],
    [{ timeout: 0.5 }, 0.5],
    [{ idleTimeout: Infinity }, 2 ** 31 - 1],
    [{ connectTimeout: 2 ** 40 }, 2 ** 31 - 1],
    [{ retries: 0 }, 0],
    [{ maxConnections: 1 }, 1],
    [{ maxBufferBytes: 0 }, 0],
    [{ trackerCache: 0 }, 0],
    [{ trackerCache: 1000 }, 1000],
    [{ readFrom: 'source' }, 'source'],
    [{ extPolicy: 'cut' }, 'cut'],
    [{ metadataEncoding: 'GBK' }, 'GBK'],
    [{ metadataEncoding: 'raw' }, 'raw'],
    [{ maxBufferBytes: Number.MAX_SAFE_INTEGER }, constants.MAX_LENGTH],
  ])('%j is taken', (options, value) => {
    const [name] = Object.keys(options)
    expect(resolve(options)).toHaveProperty(name as string, value)
  })

  const durations = [
    'connectTimeout',
    'idleTimeout',
    'timeout',
    'retryDeadline',
    'queueTimeout',
    'idleConnectionTtl',
  ]
  const wrongDurations = [
    [0, '0'],
    [-1, '-1'],
    [NaN, 'NaN'],
    [-Infinity, '-Infinity'],
    ['5000', '"5000"'],
    [null, 'null'],
    [true, 'true'],
    [5n, '5n'],
    [{}, '{}'],
  ] as const

  it.each(durations.flatMap((name) => wrongDurations.map(([value, shown]) => [name, shown, value] as const)))(
    '%s %s is refused',
    (name, shown, value) => {
      expect(refusal({ trackers, [name]: value }).message).toBe(
        `${name} must be a number of milliseconds above 0, not ${shown}`,
      )
    },
  )

  it.each([
    [{ trackerCache: 1001 }, 'trackerCache is 1001, more than 1000 ms: trackers change their minds'],
    [{ trackerCache: -1 }, 'trackerCache must be a number of milliseconds above 0, not -1'],
    [{ readFrom: 'replica' }, 'readFrom must be tracker, source, not "replica"'],
    [{ extPolicy: 'keep' }, 'extPolicy must be error, cut, drop, not "keep"'],
    [{ extPolicy: null }, 'extPolicy must be error, cut, drop, not null'],
    [{ metadataEncoding: 'utf-9' }, '"utf-9" is not the name of a known encoding'],
    [{ metadataEncoding: 5 }, 'metadataEncoding must be a text, not 5'],
  ])('%j is refused', (options, message) => {
    expect(refusal({ trackers, ...options }).message).toBe(message)
  })

  const integers = { retries: 0, maxConnections: 1, maxQueue: 1, maxBufferBytes: 0 }
  const wrongIntegers = [
    [-1, '-1'],
    [1.5, '1.5'],
    [NaN, 'NaN'],
    [Infinity, 'Infinity'],
    [2 ** 53, '9007199254740992'],
    ['3', '"3"'],
    [null, 'null'],
    [3n, '3n'],
    [[3], '[ 3 ]'],
  ] as const

  it.each(
    Object.entries(integers).flatMap(([name, min]) =>
      [...wrongIntegers, [min - 1, String(min - 1)] as const].map(
        ([value, shown]) => [name, shown, value, min] as const,
      ),
    ),
  )('%s %s is refused', (name, shown, value, min) => {
    expect(refusal({ trackers, [name]: value }).message).toBe(
      `${name} must be a whole number of at least ${min}, not ${shown}`,
    )
  })

  it.each([
    [undefined, 'undefined'],
    [null, 'null'],
    [5, '5'],
  ])('instead of options, %s is refused', (value, shown) => {
    expect(refusal(value).message).toBe(`options must be an object with trackers, not ${shown}`)
  })
})

describe('names', () => {
  it.each([
    ['tracker', 'trackers'],
    ['Trackers', 'trackers'],
    ['timeOut', 'timeout'],
    ['connecttimeout', 'connectTimeout'],
    ['conectTimeout', 'connectTimeout'],
    ['retry', 'retries'],
    ['maxConnection', 'maxConnections'],
    ['idleConnectionTTL', 'idleConnectionTtl'],
    ['maxBufferByte', 'maxBufferBytes'],
  ])('%s: did you mean %s?', (name, meant) => {
    const similar = `did you mean ${name === 'retry' ? 'onRetry' : meant}?`
    expect(refusal({ trackers, [name]: 1 }).message).toMatch(similar)
    expect(refusal({ trackers, [name]: 1 }).message).toMatch(`FastDfsClient has no option "${name}"`)
  })

  it('unlike any other are answered with all that are known', () => {
    expect(refusal({ trackers, secret: 1 }).message).toBe(
      'FastDfsClient has no option "secret": known are trackers, group, storageAddressMap, storageIds, connect, onRetry, logger, ' +
        'connectTimeout, idleTimeout, timeout, retries, retryDeadline, maxConnections, minConnections, maxQueue, ' +
        'queueTimeout, idleConnectionTtl, maxConnectionAge, maxBufferBytes, verify, trackerCache, readFrom, extPolicy, metadataEncoding',
    )
  })
})

it.each([0, 1, 'true', null])('verify must be true or false, not %j', (verify) => {
  expect(refusal({ trackers, verify }).message).toBe(
    `verify must be true or false, not ${JSON.stringify(verify)}`,
  )
})

describe('trackers', () => {
  const sixteen = Array.from({ length: 16 }, (_, i) => `10.0.0.${i + 1}`)

  it.each<[unknown, [string, number][]]>([
    ['tracker.example.com', [['tracker.example.com', 22122]]],
    ['10.0.0.1:22122', [['10.0.0.1', 22122]]],
    [' 10.0.0.1:1 ', [['10.0.0.1', 1]]],
    ['10.0.0.1:65535', [['10.0.0.1', 65535]]],
    ['[::1]', [['::1', 22122]]],
    ['[fe80::1]:23000', [['fe80::1', 23000]]],
    ['[::ffff:10.0.0.1]:5', [['::ffff:10.0.0.1', 5]]],
    [
      'a:1, b , [::1]:3',
      [
        ['a', 1],
        ['b', 22122],
        ['::1', 3],
      ],
    ],
    [
      ['a:1', { host: 'b', port: 2 }],
      [
        ['a', 1],
        ['b', 2],
      ],
    ],
    [[{ host: '::1', port: 22122 }], [['::1', 22122]]],
    [sixteen, sixteen.map((host) => [host, 22122])],
    [sixteen.join(','), sixteen.map((host) => [host, 22122])],
  ])('%j', (given, expected) => {
    expect(resolve({ trackers: given }).trackers).toEqual(
      expected.map(([host, port]) => ({ hosts: [host], port })),
    )
  })

  const none = 'trackers must name at least one tracker as host:port, not '
  it.each<[unknown, string]>([
    [undefined, `${none}undefined`],
    [null, `${none}null`],
    [[], `${none}[]`],
    [22122, `${none}22122`],
    [{ host: 'a', port: 1 }, `${none}{ host: 'a', port: 1 }`],
    // Every other form is in config/trackers.test.ts.
    [[...sixteen, 'b'], '17 trackers are named, at most 16 are possible'],
  ])('%j is refused', (given, message) => {
    expect(refusal({ trackers: given }).message).toBe(message)
  })
})
