import { InvalidArgumentError, InvalidFileIdError } from '../../src/errors.js'
import { antiStealToken, verifyToken } from '../../src/http/index.js'

const NAME = 'M00/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt'
const ID = `group1/${NAME}`
const TRUNK_NAME = 'M01/0A/FF/oYYBAGsCbjaIJBJfAAAAEsS80t4AAAAAQAAAAAAAAEA403.txt'

/** Made by fdfs_http_gen_token of V6.16.1's libfdfsclient. */
const MADE_BY_C = [
  {
    name: NAME,
    secret: 'FastDFS1234567890',
    timestamp: 1_700_000_000,
    token: 'aba3c8b1c8a3b0beba8a03cc7b07e5f9',
  },
  { name: NAME, secret: 'FastDFS1234567890', timestamp: 0, token: '724e928f94a3cd64bdee538e6b8480a5' },
  { name: NAME, secret: '密钥', timestamp: 2_147_483_647, token: '5c1218138e8f2ff8da6a1e71c00ee62c' },
  { name: TRUNK_NAME, secret: 'k'.repeat(128), timestamp: 1, token: '1926d6f677e21a0b34bba5e7288c1544' },
]

describe('antiStealToken', () => {
  it.each(MADE_BY_C)(
    'makes the token that the C library makes: $timestamp',
    ({ name, token, ...options }) => {
      expect(antiStealToken(`group1/${name}`, options)).toBe(token)
    },
  )

  it('leaves the group out, and takes a URL', () => {
    const options = { secret: 'FastDFS1234567890', timestamp: 1_700_000_000 }
    const token = 'aba3c8b1c8a3b0beba8a03cc7b07e5f9'
    expect(antiStealToken(`another/${NAME}`, options)).toBe(token)
    expect(antiStealToken(`http://h:8888/${ID}?token=old&ts=1`, options)).toBe(token)
  })

  it.each([
    ['an empty secret', { secret: '', timestamp: 1 }, 'secret'],
    ['a secret of 129 bytes', { secret: 'k'.repeat(129), timestamp: 1 }, 'secret'],
    ['no secret', { secret: undefined as unknown as string, timestamp: 1 }, 'secret'],
    ['milliseconds', { secret: 's', timestamp: 1_700_000_000_000 }, 'Unix seconds'],
    ['half a second', { secret: 's', timestamp: 1.5 }, 'Unix seconds'],
    ['a time before 1970', { secret: 's', timestamp: -1 }, 'Unix seconds'],
  ])('refuses %s', (_, options, message) => {
    expect(() => antiStealToken(ID, options)).toThrow(InvalidArgumentError)
    expect(() => antiStealToken(ID, options)).toThrow(message)
  })

  it('refuses what is no file ID', () => {
    expect(() => antiStealToken('photo.jpg', { secret: 's', timestamp: 1 })).toThrow(InvalidFileIdError)
  })

  it('never shows the secret', () => {
    const secret = 'verysecret'.repeat(13)
    expect(() => antiStealToken(ID, { secret, timestamp: 1 })).toThrow(/^((?!verysecret).)*$/)
  })
})

describe('verifyToken', () => {
  const secret = 'FastDFS1234567890'
  const given = { token: 'aba3c8b1c8a3b0beba8a03cc7b07e5f9', timestamp: 1_700_000_000 }
  const setClock = (seconds: number): void => {
    jest.spyOn(Date, 'now').mockReturnValue(seconds * 1000)
  }
  afterEach(() => jest.restoreAllMocks())

  it.each([
    [0, true],
    [600, true],
    [600.999, true],
    [601, false],
    [-1_000_000, true],
  ])('after %d seconds of the default 600: %s', (age, valid) => {
    setClock(1_700_000_000 + age)
    expect(verifyToken(ID, given, { secret })).toBe(valid)
  })

  it('takes another ttl, and a clock that is behind', () => {
    setClock(1_700_000_065)
    expect(verifyToken(ID, given, { secret, ttl: 60_000 })).toBe(false)
    expect(verifyToken(ID, given, { secret, ttl: 60_000, clockSkew: 5_000 })).toBe(true)
    expect(verifyToken(ID, given, { secret, ttl: Infinity })).toBe(true)
  })

  it('lets a timestamp of 0 never expire', () => {
    setClock(4_000_000_000)
    expect(verifyToken(ID, { token: '724e928f94a3cd64bdee538e6b8480a5', timestamp: 0 }, { secret })).toBe(
      true,
    )
  })

  it.each([
    ['no token', { ...given, token: undefined }],
    ['no timestamp', { ...given, timestamp: undefined }],
    ['another timestamp', { ...given, timestamp: 1_700_000_001 }],
    ['another token', { ...given, token: 'aba3c8b1c8a3b0beba8a03cc7b07e5f8' }],
    ['a token in upper case', { ...given, token: given.token.toUpperCase() }],
    ['a shorter token', { ...given, token: given.token.slice(1) }],
    ['a longer token', { ...given, token: `${given.token}0` }],
    ['characters of more bytes', { ...given, token: '密'.repeat(32) }],
    ['a timestamp that is no number', { ...given, timestamp: NaN }],
    ['a timestamp that C cannot hold', { ...given, timestamp: 2 ** 31 }],
  ])('refuses %s', (_, wrong) => {
    setClock(1_700_000_000)
    expect(verifyToken(ID, wrong, { secret })).toBe(false)
  })

  it('refuses the token of another file and of another secret', () => {
    setClock(1_700_000_000)
    expect(verifyToken(ID.replace('082', '083'), given, { secret })).toBe(false)
    expect(verifyToken(ID, given, { secret: 'FastDFS1234567891' })).toBe(false)
  })

  it('says which option is wrong', () => {
    expect(() => verifyToken(ID, given, { secret: '' })).toThrow('secret')
    expect(() => verifyToken(ID, given, { secret, ttl: -1 })).toThrow('ttl')
    expect(() => verifyToken(ID, given, { secret, clockSkew: NaN })).toThrow('clockSkew')
  })
})
