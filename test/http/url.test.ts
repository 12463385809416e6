import fc from 'fast-check'
import { InvalidArgumentError, InvalidFileIdError } from '../../src/errors.js'
import { fileUrl, parseFileUrl, signUrl } from '../../src/http/index.js'

const NAME = 'M00/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt'
const ID = `group1/${NAME}`

describe('fileUrl', () => {
  it.each([
    ['http://10.0.0.5:8888', `http://10.0.0.5:8888/${ID}`],
    ['http://10.0.0.5:80/', `http://10.0.0.5/${ID}`],
    ['https://cdn.example.org/files/', `https://cdn.example.org/files/${ID}`],
    ['https://[fd00::1]:8443', `https://[fd00::1]:8443/${ID}`],
    ['/files', `/files/${ID}`],
    ['/', `/${ID}`],
  ])('puts %s in front', (base, url) => {
    expect(fileUrl(ID, { base })).toBe(url)
  })

  it('leaves the group out', () => {
    expect(fileUrl(ID, { base: 'http://h', withGroup: false })).toBe(`http://h/${NAME}`)
  })

  it('encodes the name to save the file under', () => {
    expect(fileUrl(ID, { base: 'http://h', filename: '王 & 小明.txt' })).toBe(
      `http://h/${ID}?filename=%E7%8E%8B+%26+%E5%B0%8F%E6%98%8E.txt`,
    )
  })

  it.each([
    'ftp://h',
    'h:8888',
    '',
    '//h/files',
    'http://h?x=1',
    'http://h#x',
    'http://user:password@h',
    'javascript:alert(1)',
    undefined as unknown as string,
  ])('refuses the base %j', (base) => {
    expect(() => fileUrl(ID, { base })).toThrow(InvalidArgumentError)
  })

  it('refuses what is no file ID', () => {
    expect(() => fileUrl('../etc/passwd', { base: 'http://h' })).toThrow(InvalidFileIdError)
  })
})

describe('signUrl', () => {
  const secret = 'FastDFS1234567890'

  it('signs the name without the group', () => {
    expect(signUrl(ID, { base: 'http://h:8888', secret, timestamp: 1_700_000_000 })).toBe(
      `http://h:8888/${ID}?token=aba3c8b1c8a3b0beba8a03cc7b07e5f9&ts=1700000000`,
    )
    expect(signUrl(ID, { base: 'http://h', secret, timestamp: 0, withGroup: false, filename: 'a.txt' })).toBe(
      `http://h/${NAME}?token=724e928f94a3cd64bdee538e6b8480a5&ts=0&filename=a.txt`,
    )
  })

  it('takes the time of now', () => {
    jest.spyOn(Date, 'now').mockReturnValue(1_700_000_000_999)
    expect(signUrl(ID, { base: 'http://h', secret })).toContain(
      '?token=aba3c8b1c8a3b0beba8a03cc7b07e5f9&ts=1700000000',
    )
    jest.restoreAllMocks()
  })
})

describe('parseFileUrl', () => {
  const bare = {
    id: ID,
    group: 'group1',
    name: NAME,
    token: undefined,
    timestamp: undefined,
    filename: undefined,
    start: undefined,
    end: undefined,
    redirected: false,
  }

  it.each([
    [`/${ID}`, {}],
    [`http://h:8888/${ID}`, {}],
    [`HTTPS://h/${ID}#fragment`, {}],
    [`/files/${ID}`, { prefix: '/files' }],
    [`/${ID}`, { group: 'group2' }],
    [`/${NAME}`, { group: 'group1' }],
    [`/files/${NAME}`, { group: 'group1', prefix: '/files' }],
    [`/group1%2FM00/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ082%2Etxt`, {}],
  ])('reads %s with %j', (url, options) => {
    expect(parseFileUrl(url, options)).toEqual(bare)
  })

  it('reads all parameters, the first of each', () => {
    const query = 'token=abc&ts=0123&filename=%E7%8E%8B+x.txt&redirect=1&token=second&unknown=1'
    expect(parseFileUrl(`/${ID}?${query}`)).toEqual({
      ...bare,
      token: 'abc',
      timestamp: 123,
      filename: '王 x.txt',
      redirected: true,
    })
  })

  it.each(['-1', '1e3', '', '99999999999', 'x', '1.5', ' 1'])('takes ts=%s for none', (ts) => {
    expect(parseFileUrl(`/${ID}?ts=${ts}`).timestamp).toBeUndefined()
  })

  it.each([
    '/',
    '',
    ID,
    `//${ID}`,
    `%2F${ID}`,
    `http://h%2F${ID}`,
    `/http://h/${ID}`,
    `/${NAME}`,
    `/files/${ID}`,
    `/group1/../group2/${NAME}`,
    `/group1/M00/00/00/..%2F..%2F..%2Fetc%2Fpasswd-0123456789`,
    `/group1/M00/00/00/%2e%2e/Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt`,
    `/group1/M00/00/00/..\\..\\Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt`,
    `/${ID}%00.jpg`,
    `/${ID}%0d%0aX: y`,
    `/${ID}/`,
    '/group1/M00/00/00/%',
    '/group1/M00/00/00/%ff',
    `/${'a'.repeat(10_000)}`,
  ])('refuses %s', (url) => {
    expect(() => parseFileUrl(url)).toThrow(InvalidFileIdError)
  })

  it('refuses another prefix, and the group in place of a name', () => {
    expect(() => parseFileUrl(`/other/${ID}`, { prefix: '/files' })).toThrow('/files/')
    expect(() => parseFileUrl(`/files${ID}`, { prefix: '/files' })).toThrow('/files/')
  })

  it('gives nothing but names that lead nowhere else, or says what is wrong', () => {
    const piece = fc.oneof(
      fc.constantFrom('/', '..', '%2e', '%2F', '\\', 'M00', '00', 'group1', '%', '?', '#', 'http://', '\0'),
      fc.string({ unit: 'binary', maxLength: 12 }),
      fc.constant('Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt'),
    )
    const any = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''))
    const near = fc
      .tuple(any, fc.nat(ID.length))
      .map(([text, at]) => `/${ID.slice(0, at)}${text}${ID.slice(at)}`)
    fc.assert(
      fc.property(fc.oneof(any, near), fc.constantFrom(undefined, 'group1'), (url, group) => {
        try {
          const { id } = parseFileUrl(url, { group })
          expect(id).toMatch(/^[0-9A-Za-z]{1,16}\/(M[0-9A-F]{2}\/)?[0-9A-F]{2}\/[0-9A-F]{2}\/[-.\w]{27,117}$/)
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidFileIdError)
        }
      }),
      { numRuns: 2000 },
    )
  })

  it('reads what fileUrl writes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.boolean(), (filename, withGroup) => {
        const url = fileUrl(ID, { base: 'https://h:1/a/b', filename, withGroup })
        expect(parseFileUrl(url, { group: 'group1', prefix: '/a/b' })).toEqual({ ...bare, filename })
      }),
    )
  })
})
