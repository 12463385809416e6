import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  AbortError,
  ClosedError,
  ConfigError,
  ConnectError,
  IntegrityError,
  PoolTimeoutError,
  ProtocolError,
  RetryError,
  statusToError,
  TimeoutError,
} from '../../src/errors.js'
import type { FileHandlerOptions, FileStore, ServedFile } from '../../src/http/index.js'
import { fileHandler, signUrl } from '../../src/http/index.js'
import { ask, begin, byteranges, listen } from './ask.js'

const ID = 'group1/M00/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt'
const CONTENT = 'hello, world!'
const MODIFIED = 'Sun, 22 Nov 2026 04:23:19 GMT'
const ETAG = '"6b026e37-d-c4581f24"'

/** A file in two pieces. */
function textFile(content = CONTENT, more: Partial<ServedFile> = {}): ServedFile {
  const bytes = Buffer.from(content)
  return {
    size: bytes.length,
    modifiedAt: new Date(MODIFIED),
    crc32: 0xc4581f24,
    async *read(offset, length) {
      const part = bytes.subarray(offset, offset + length)
      yield part.subarray(0, 5)
      yield part.subarray(5)
    },
    ...more,
  }
}

const opens = (file: ServedFile | undefined): FileStore => ({ open: async () => file })

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

async function serve(files: FileStore, options: FileHandlerOptions = {}): Promise<string> {
  const { url, close } = await listen(fileHandler(files, options))
  closing.push(close)
  return url
}

const serveText = (options?: FileHandlerOptions): Promise<string> => serve(opens(textFile()), options)

describe('a file', () => {
  it('is sent with all that tells about it', async () => {
    const url = await serveText({ cacheControl: 'public, max-age=600' })
    const { status, headers, body } = await ask(`${url}/${ID}`)
    expect(status).toBe(200)
    expect(body.toString()).toBe(CONTENT)
    expect(headers).toMatchObject({
      'content-length': '13',
      'content-type': 'text/plain',
      'last-modified': MODIFIED,
      etag: ETAG,
      'accept-ranges': 'bytes',
      'cache-control': 'public, max-age=600',
      'x-content-type-options': 'nosniff',
    })
    expect(headers).not.toHaveProperty('content-disposition')
  })

  it('has the same head for HEAD, and is not read', async () => {
    const read = jest.fn()
    const url = await serve(opens(textFile(CONTENT, { read })))
    const { status, headers, body } = await ask(`${url}/${ID}`, { range: 'bytes=0-4' }, 'HEAD')
    expect([status, headers['content-length'], headers.etag, body.length]).toEqual([200, '13', ETAG, 0])
    expect(read).not.toHaveBeenCalled()
  })

  it('may be empty', async () => {
    const url = await serve(opens(textFile('', { exists: async () => true })))
    const { status, headers, body } = await ask(`${url}/${ID}`)
    expect([status, headers['content-length'], body.length]).toEqual([200, '0', 0])
  })

  it.each(['GET', 'HEAD'])(
    'that is gone is told by the store before an answer without content: %s',
    async (method) => {
      const url = await serve(opens(textFile('', { exists: async () => false })))
      expect((await ask(`${url}/${ID}`, {}, method)).status).toBe(404)
      expect((await ask(`${url}/${ID}`, { 'if-none-match': '*' }, method)).status).toBe(404)
      expect((await ask(`${url}/${ID}`, { 'if-match': '"x"' }, method)).status).toBe(404)
    },
  )

  it.each([
    ['.jpg', 'image/jpeg'],
    ['.JPG', 'image/jpeg'],
    ['.m3u8', 'application/vnd.apple.mpegurl'],
    ['.docx', 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'],
    ['.log', 'text/plain; charset=gbk'],
    ['.nosuch', 'application/octet-stream'],
    ['0000', 'application/octet-stream'],
  ])('that ends in %s is %s', async (end, type) => {
    const url = await serveText({ types: { LOG: 'text/plain; charset=gbk' } })
    const { headers } = await ask(`${url}/${ID.replace('.txt', end)}`)
    expect(headers['content-type']).toBe(type)
  })

  it('goes to Express and others with the headers that were set before', async () => {
    const handler = fileHandler(opens(textFile()))
    const { url, close } = await listen((request, response) => {
      response.setHeader('Access-Control-Allow-Origin', '*')
      handler(request, response)
    })
    closing.push(close)
    expect((await ask(`${url}/${ID}`)).headers['access-control-allow-origin']).toBe('*')
    expect((await ask(`${url}/nothing`)).headers['access-control-allow-origin']).toBe('*')
  })
})

describe('a name to save it under', () => {
  it.each([
    ['report.txt', 'attachment; filename=report.txt'],
    ['my report.txt', 'attachment; filename="my report.txt"'],
    ['王 小明.txt', `attachment; filename="? ??.txt"; filename*=UTF-8''%E7%8E%8B%20%E5%B0%8F%E6%98%8E.txt`],
    ['a"b\\c.txt', 'attachment; filename="a\\"b\\\\c.txt"'],
    [
      'x\r\nSet-Cookie: a=b',
      `attachment; filename="x??Set-Cookie: a=b"; filename*=UTF-8''x%0D%0ASet-Cookie%3A%20a%3Db`,
    ],
  ])('%j', async (filename, expected) => {
    const url = await serveText()
    const { headers } = await ask(`${url}/${ID}?${new URLSearchParams({ filename }).toString()}`)
    expect(headers['content-disposition']).toBe(expected)
    expect(headers).not.toHaveProperty('set-cookie')
  })

  it('may be the name that the file had, which does not keep it from being shown', async () => {
    const url = await serve(opens(textFile(CONTENT, { filename: 'notes.txt' })))
    expect((await ask(`${url}/${ID}`)).headers['content-disposition']).toBe('inline; filename=notes.txt')
    expect((await ask(`${url}/${ID}?filename=x.txt`)).headers['content-disposition']).toBe(
      'attachment; filename=x.txt',
    )
  })
})

describe('ranges', () => {
  it.each([
    ['bytes=0-4', 'bytes 0-4/13', 'hello'],
    ['bytes=7-', 'bytes 7-12/13', 'world!'],
    ['bytes=-6', 'bytes 7-12/13', 'world!'],
    ['bytes=0-0', 'bytes 0-0/13', 'h'],
    ['bytes=12-100', 'bytes 12-12/13', '!'],
    ['bytes=0-4,20-30', 'bytes 0-4/13', 'hello'],
  ])('%s', async (range, contentRange, expected) => {
    const { status, headers, body } = await ask(`${await serveText()}/${ID}`, { range })
    expect([status, headers['content-range'], body.toString()]).toEqual([206, contentRange, expected])
    expect(headers['content-length']).toBe(String(expected.length))
    expect(headers['content-type']).toBe('text/plain')
  })

  it('several are sent in parts', async () => {
    const answer = await ask(`${await serveText()}/${ID}`, { range: 'bytes=0-4, 7-11, -1' })
    expect(answer.status).toBe(206)
    expect(answer.headers['content-length']).toBe(String(answer.body.length))
    expect(answer.headers).not.toHaveProperty('content-range')
    expect(byteranges(answer)).toEqual([
      { headers: { 'content-type': 'text/plain', 'content-range': 'bytes 0-4/13' }, body: 'hello' },
      { headers: { 'content-type': 'text/plain', 'content-range': 'bytes 7-11/13' }, body: 'world' },
      { headers: { 'content-type': 'text/plain', 'content-range': 'bytes 12-12/13' }, body: '!' },
    ])
  })

  it('may come in pieces of any size, also of none', async () => {
    const file = textFile(CONTENT, {
      async *read(offset, length) {
        yield Buffer.alloc(0)
        for (let at = offset; at < offset + length; at++) yield Buffer.from(CONTENT).subarray(at, at + 1)
        yield Buffer.alloc(0)
      },
    })
    const answer = await ask(`${await serve(opens(file))}/${ID}`, { range: 'bytes=0-4,7-11' })
    expect(byteranges(answer).map(({ body }) => body)).toEqual(['hello', 'world'])
    expect(answer.headers['content-length']).toBe(String(answer.body.length))
  })

  it.each(['bytes=13-', 'bytes=-0', 'bytes=5-2', 'bytes=x', 'bytes=0-0,1-1,2-2,3-3,4-4,5-5'])(
    '%s is 416',
    async (range) => {
      const { status, headers, body } = await ask(`${await serveText()}/${ID}`, { range })
      expect([status, headers['content-range']]).toEqual([416, 'bytes */13'])
      expect(body.toString()).toBe('Range Not Satisfiable\n')
    },
  )

  it('of other units are ignored', async () => {
    expect((await ask(`${await serveText()}/${ID}`, { range: 'lines=1-2' })).status).toBe(200)
  })

  it.each([
    [ETAG, 206],
    [`W/${ETAG}`, 200],
    ['"another"', 200],
    [MODIFIED, 206],
    ['Sun, 22 Nov 2026 04:23:20 GMT', 200],
    ['Sun, 22 Nov 2026 04:23:18 GMT', 200],
    ['nonsense', 200],
  ])('with If-Range %s: %d', async (ifRange, status) => {
    const answer = await ask(`${await serveText()}/${ID}`, { range: 'bytes=0-4', 'if-range': ifRange })
    expect(answer.status).toBe(status)
    expect(answer.body.toString()).toBe(status === 206 ? 'hello' : CONTENT)
  })
})

describe('a Flash video', () => {
  const FLV = ID.replace('.txt', '.flv')
  const HEADER = Buffer.from('464c5601010000000900000009', 'hex').toString('latin1')

  it.each([
    ['?start=0', 200, CONTENT],
    ['?start=7', 200, `${HEADER}world!`],
    ['?start=7&end=12', 200, `${HEADER}world`],
    ['?start=0&end=5', 200, 'hello'],
    ['?start=7&end=100', 200, `${HEADER}world!`],
    ['?start=7&end=x', 200, `${HEADER}world!`],
    ['?end=5', 200, CONTENT],
    ['?start=x', 200, CONTENT],
    ['?start=13', 400, 'Bad Request\n'],
    ['?start=7&end=7', 400, 'Bad Request\n'],
    ['?start=7&end=0', 400, 'Bad Request\n'],
  ])('%s: %d', async (query, status, expected) => {
    const answer = await ask(`${await serveText({ flv: true })}/${FLV}${query}`)
    expect([answer.status, answer.body.toString('latin1')]).toEqual([status, expected])
    expect(answer.headers['content-length']).toBe(String(expected.length))
    if (status === 200) expect(answer.headers['content-type']).toBe('video/x-flv')
  })

  it('is a file like others with a range, with another extension, and where this is not wanted', async () => {
    const url = await serveText({ flv: true })
    expect((await ask(`${url}/${FLV}?start=7`, { range: 'bytes=0-4' })).body.toString()).toBe('hello')
    expect((await ask(`${url}/${ID}?start=7`)).body.toString()).toBe(CONTENT)
    expect((await ask(`${await serveText()}/${FLV}?start=7`)).body.toString()).toBe(CONTENT)
  })
})

describe('conditions', () => {
  const EARLIER = 'Sun, 22 Nov 2026 04:23:18 GMT'
  const LATER = 'Sun, 22 Nov 2026 04:23:20 GMT'

  it.each<[Record<string, string>, number]>([
    [{ 'if-none-match': ETAG }, 304],
    [{ 'if-none-match': `"x", W/${ETAG}` }, 304],
    [{ 'if-none-match': '*' }, 304],
    [{ 'if-none-match': '"x"' }, 200],
    [{ 'if-none-match': '"x"', 'if-modified-since': MODIFIED }, 200],
    [{ 'if-modified-since': MODIFIED }, 304],
    [{ 'if-modified-since': LATER }, 304],
    [{ 'if-modified-since': EARLIER }, 200],
    [{ 'if-modified-since': 'nonsense' }, 200],
    [{ 'if-modified-since': '2099' }, 200],
    [{ 'if-modified-since': 'Monday, 05-Jan-37 00:00:00 GMT' }, 304],
    [{ 'if-modified-since': 'Mon Jan  5 00:00:00 2037' }, 304],
    [{ 'if-match': ETAG }, 200],
    [{ 'if-match': `"x",${ETAG}` }, 200],
    [{ 'if-match': '*' }, 200],
    [{ 'if-match': `W/${ETAG}` }, 412],
    [{ 'if-match': '"x"' }, 412],
    [{ 'if-unmodified-since': MODIFIED }, 200],
    [{ 'if-unmodified-since': EARLIER }, 412],
    [{ 'if-match': ETAG, 'if-unmodified-since': EARLIER }, 200],
    [{ 'if-match': ETAG, 'if-none-match': ETAG }, 304],
    [{ 'if-none-match': ETAG, range: 'bytes=0-4' }, 304],
    [{ 'if-match': '"x"', range: 'bytes=0-4' }, 412],
  ])('%j: %d', async (headers, status) => {
    const url = await serveText({ cacheControl: 'max-age=1' })
    for (const method of ['GET', 'HEAD']) {
      const answer = await ask(`${url}/${ID}`, headers, method)
      expect(answer.status).toBe(status)
      expect(answer.body.toString()).toBe(
        method === 'HEAD' || status === 304 ? '' : status === 412 ? 'Precondition Failed\n' : CONTENT,
      )
      if (status === 304) {
        expect(answer.headers).toMatchObject({
          etag: ETAG,
          'last-modified': MODIFIED,
          'cache-control': 'max-age=1',
        })
      }
    }
  })

  it('know whole seconds only', async () => {
    const file = textFile(CONTENT, { modifiedAt: new Date(Date.parse(MODIFIED) + 999) })
    const url = `${await serve(opens(file))}/${ID}`
    const { headers } = await ask(url)
    expect([headers.etag, headers['last-modified']]).toEqual([ETAG, MODIFIED])
    expect((await ask(url, { 'if-modified-since': MODIFIED })).status).toBe(304)
    expect((await ask(url, { 'if-unmodified-since': MODIFIED })).status).toBe(200)
  })

  it('tell contents apart by size and time too', async () => {
    const tags = await Promise.all(
      [
        textFile(),
        textFile('x'),
        textFile(CONTENT, { crc32: 1 }),
        textFile(CONTENT, { modifiedAt: new Date(0) }),
      ].map(async (file) => (await ask(`${await serve(opens(file))}/${ID}`)).headers.etag),
    )
    expect(new Set(tags).size).toBe(4)
  })
})

describe('requests that are refused', () => {
  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])('%s', async (method) => {
    const { status, headers } = await ask(`${await serveText()}/${ID}`, {}, method)
    expect([status, headers.allow]).toEqual([405, 'GET, HEAD'])
  })

  it.each([
    '/',
    '/short',
    '/group1/M00/00/00/short',
    '/favicon.ico?x=../../../../../../../../',
    `/${ID}/..`,
    '/group1/M00/00/00/..%2f..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd',
    '/group1/M00/00/00/%2e%2e/%2e%2e/Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt',
    '/group1/M00/00/00/%zz0ADGsCbjeAekHAAAAADcRYHyQ082.txt',
    `//${ID}`,
    `/${ID.slice(7)}`,
  ])('%s is 400, and the store is not asked', async (path) => {
    const open = jest.fn()
    const { status, body } = await ask(`${await serve({ open })}${path}`)
    expect([status, body.toString()]).toEqual([400, 'Bad Request\n'])
    expect(open).not.toHaveBeenCalled()
  })

  it('a file that is not there is 404, without a detail', async () => {
    const { status, headers, body } = await ask(`${await serve(opens(undefined))}/${ID}`)
    expect([status, body.toString(), headers['cache-control']]).toEqual([404, 'Not Found\n', 'no-store'])
    expect(headers).not.toHaveProperty('etag')
  })

  it('takes URLs of the forms that its options tell', async () => {
    const ids: string[] = []
    const files: FileStore = {
      open: async ({ id }) => {
        ids.push(id)
        return textFile()
      },
    }
    const url = await serve(files, { group: 'group9', prefix: '/files' })
    expect((await ask(`${url}/files/${ID}`)).status).toBe(200)
    expect((await ask(`${url}/files/${ID.slice(7)}`)).status).toBe(200)
    expect((await ask(`${url}/${ID}`)).status).toBe(400)
    expect(ids).toEqual([ID, `group9/${ID.slice(7)}`])
  })
})

describe('tokens', () => {
  const secret = 'FastDFS1234567890'
  const folder = mkdtempSync(join(tmpdir(), 'fastdfs-http-'))
  const page = join(folder, 'page.html')
  writeFileSync(page, '<p>no</p>')
  afterAll(() => rmSync(folder, { recursive: true }))
  const now = (): number => Math.floor(Date.now() / 1000)

  it('let a file be read', async () => {
    const base = await serveText({ secret })
    expect((await ask(signUrl(ID, { base, secret }))).status).toBe(200)
    expect((await ask(signUrl(ID, { base, secret, timestamp: now() - 590 }))).status).toBe(200)
    expect((await ask(signUrl(ID, { base, secret, timestamp: 0 }))).status).toBe(200)
  })

  it.each([
    ['none', () => ''],
    ['no timestamp', () => '?token=aba3c8b1c8a3b0beba8a03cc7b07e5f9'],
    ['no token', () => `?ts=${now()}`],
    ['another secret', () => new URL(signUrl(ID, { base: 'http://h', secret: 'x' })).search],
    ['an old one', () => new URL(signUrl(ID, { base: 'http://h', secret, timestamp: now() - 610 })).search],
    ['another file', () => new URL(signUrl(ID.replace('082', '083'), { base: 'http://h', secret })).search],
  ])('%s: 400, and the store is not asked', async (_, query) => {
    const open = jest.fn()
    const url = await serve({ open }, { secret })
    for (const method of ['GET', 'HEAD'])
      expect((await ask(`${url}/${ID}${query()}`, {}, method)).status).toBe(400)
    expect(open).not.toHaveBeenCalled()
  })

  it('that are wrong get the page with status 200, those that are missing do not', async () => {
    const base = await serveText({ secret, tokenCheckFail: page })
    const { status, headers, body } = await ask(`${base}/${ID}?token=${'0'.repeat(32)}&ts=${now()}`)
    expect([status, headers['content-type'], body.toString()]).toEqual([200, 'text/html', '<p>no</p>'])
    expect(headers['cache-control']).toBe('no-store')
    expect((await ask(`${base}/${ID}?token=short&ts=1`)).body.toString()).toBe('<p>no</p>')
    expect((await ask(`${base}/${ID}`)).status).toBe(400)
    expect((await ask(`${base}/${ID}?ts=1`)).status).toBe(400)
    expect((await ask(`${base}/nothing?token=${'0'.repeat(32)}&ts=1`)).status).toBe(400)
  })

  it('are not asked of whoever has the header', async () => {
    const url = await serveText({ secret, bypass: { header: 'X-Mark', value: 'inside' } })
    expect((await ask(`${url}/${ID}`, { 'x-mark': 'inside' })).status).toBe(200)
    expect((await ask(`${url}/${ID}`, { 'x-mark': 'Inside' })).status).toBe(400)
    expect((await ask(`${url}/${ID}`, { 'x-other': 'inside' })).status).toBe(400)
  })

  it('have a ttl', async () => {
    const base = await serveText({ secret, ttl: 10_000, clockSkew: 5_000 })
    expect((await ask(signUrl(ID, { base, secret, timestamp: now() - 14 }))).status).toBe(200)
    expect((await ask(signUrl(ID, { base, secret, timestamp: now() - 17 }))).status).toBe(400)
  })
})

describe('options', () => {
  it.each([
    [{ secert: 'x' }, 'secert'],
    [{ secret: undefined }, 'secret'],
    [{ secret: '' }, 'secret'],
    [{ ttl: 1000 }, 'ttl'],
    [{ tokenCheckFail: __filename }, 'tokenCheckFail'],
    [{ secret: 'x', ttl: '5' }, 'ttl'],
    [{ secret: 'x', clockSkew: -1 }, 'clockSkew'],
    [{ secret: 'x', tokenCheckFail: '/nowhere/page.html' }, 'tokenCheckFail'],
    [{ secret: 'x', bypass: { header: 'x' } }, 'bypass'],
    [{ group: '../x' }, 'group'],
    [{ prefix: 'files' }, 'prefix'],
    [{ prefix: '/files/' }, 'prefix'],
    [{ cacheControl: 'a\r\nb: c' }, 'cacheControl'],
    [{ types: { log: 'a\nb' } }, 'types.log'],
    [{ flv: 1 }, 'flv'],
    [{ onError: true }, 'onError'],
  ])('%j is refused', (options, name) => {
    const make = (): unknown => fileHandler(opens(undefined), options as never)
    expect(make).toThrow(ConfigError)
    expect(make).toThrow(name)
  })
})

describe('failures', () => {
  const wrapped = new RetryError('all failed', { errors: [new TimeoutError('late')] })
  const CASES: [unknown, number][] = [
    [statusToError(2), 404],
    [statusToError(22), 400],
    [statusToError(13), 403],
    [statusToError(11), 503],
    [statusToError(16), 503],
    [statusToError(5), 502],
    [statusToError(95), 502],
    [new ConnectError('refused'), 502],
    [new ProtocolError('garbage'), 502],
    [new IntegrityError('damaged'), 502],
    [new TimeoutError('late'), 504],
    [new ClosedError('closed'), 503],
    [new PoolTimeoutError('full'), 503],
    [wrapped, 504],
    [new AbortError('of somebody else'), 500],
    [new TypeError('secret detail'), 500],
    ['a text', 500],
  ]
  const named = CASES.map(([error, status]) => ({ name: String(error), status, error }))
  it.each(named)('$name is $status, before and at the first byte', async ({ error, status }) => {
    const told: unknown[] = []
    const onError = (problem: unknown): void => void told.push(problem)
    const rejects = async (): Promise<never> => {
      throw error
    }
    const stores: FileStore[] = [
      { open: rejects },
      opens(textFile(CONTENT, { read: () => ({ [Symbol.asyncIterator]: () => ({ next: rejects }) }) })),
      opens(textFile('', { exists: rejects })),
    ]
    for (const files of stores) {
      const answer = await ask(`${await serve(files, { onError })}/${ID}`)
      expect(answer.status).toBe(status)
      expect(answer.body.toString()).toMatch(/^[A-Z][a-z]+( [A-Z][a-z]+)*\n$/)
      expect(answer.headers).not.toHaveProperty('etag')
    }
    expect(told).toEqual(status >= 500 ? [error, error, error] : [])
  })

  it.each([
    ['later ends the connection', 'throw'],
    ['a file that gives less than it has is not whole', 'less'],
    ['a file that gives more than it has is not whole', 'more'],
  ])('%s', async (_, how) => {
    const told: unknown[] = []
    let arrived: () => void
    const hasArrived = new Promise<void>((resolve) => (arrived = resolve))
    const file = textFile(CONTENT, {
      async *read() {
        yield Buffer.from('hello')
        await hasArrived
        if (how === 'throw') throw new IntegrityError('damaged')
        if (how === 'more') yield Buffer.alloc(100)
      },
    })
    const url = await serve(opens(file), { onError: (error) => told.push(error) })
    const answer = await begin(`${url}/${ID}`)
    expect(answer.statusCode).toBe(200)
    arrived!()
    await expect(answer.toArray()).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect(told).toHaveLength(1)
  })
})

describe('a client', () => {
  const PIECE = Buffer.alloc(64 * 1024)

  /** A file without an end in sight, that tells how much of it was read and how the reading ended. */
  function longFile(): { file: ServedFile; read: () => number; ended: Promise<unknown> } {
    let bytes = 0
    let end: (reason: unknown) => void
    const ended = new Promise((resolve) => (end = resolve))
    const size = 4 * 1024 ** 3
    const file = textFile('', {
      size,
      async *read(_, length, signal) {
        try {
          while (bytes < length) {
            signal.throwIfAborted()
            yield PIECE
            bytes += PIECE.length
          }
        } finally {
          end(signal.aborted)
        }
      },
    })
    return { file, read: () => bytes, ended }
  }

  /** Waits until nothing more is read. */
  async function settled(read: () => number): Promise<number> {
    for (;;) {
      const before = read()
      await sleep(100)
      if (read() === before && before > 0) return before
    }
  }

  it('that reads slowly makes the file be read as slowly', async () => {
    const { file, read, ended } = longFile()
    const responses: ServerResponse[] = []
    const handler = fileHandler(opens(file))
    const { url, close } = await listen((request, response) => {
      responses.push(response)
      handler(request, response)
    })
    closing.push(close)
    const answer = await begin(`${url}/${ID}`)
    answer.pause()
    const first = await settled(read)
    // What the two sockets hold in the system, and one piece here.
    expect(first).toBeLessThan(32 * 1024 * 1024)
    expect(responses[0]?.writableLength).toBeLessThanOrEqual(2 * PIECE.length)
    await new Promise<void>((resolve) => answer.on('data', () => read() > first && resolve()).resume())
    answer.pause()
    answer.destroy()
    expect(await ended).toBe(true)
  }, 20_000)

  it('that leaves ends the reading, also while nothing is to be read', async () => {
    let opened: (signal: AbortSignal) => void
    const waiting = new Promise<AbortSignal>((resolve) => (opened = resolve))
    const told: unknown[] = []
    const url = await serve(
      {
        open: (_, signal) => {
          opened(signal)
          return new Promise((__, reject) =>
            signal.addEventListener('abort', () => reject(new Error('left'))),
          )
        },
      },
      { onError: (error) => told.push(error) },
    )
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.write(`GET /${ID} HTTP/1.1\r\nHost: h\r\n\r\n`)
    const signal = await waiting
    socket.destroy()
    await once(signal, 'abort')
    expect(told).toEqual([])
  })

  it('that asks twice at once and leaves ends both', async () => {
    const { file, ended } = longFile()
    const signals: AbortSignal[] = []
    let both: () => void
    const opened = new Promise<void>((resolve) => (both = resolve))
    const url = await serve({
      open: async (_, signal) => {
        if (signals.push(signal) === 2) both()
        return file
      },
    })
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.write(`GET /${ID} HTTP/1.1\r\nHost: h\r\n\r\n`.repeat(2))
    await opened
    const aborts = signals.map((signal) => once(signal, 'abort'))
    socket.destroy()
    await Promise.all(aborts)
    expect(await ended).toBe(true)
  })

  it('that has read all has not left', async () => {
    const signals: AbortSignal[] = []
    const closed: Promise<unknown>[] = []
    const handler = fileHandler({
      open: async (_, signal) => {
        signals.push(signal)
        return textFile()
      },
    })
    const { url, close } = await listen((request: IncomingMessage, response: ServerResponse) => {
      closed.push(once(response, 'close'))
      handler(request, response)
    })
    closing.push(close)
    await ask(`${url}/${ID}`)
    await Promise.all(closed)
    expect(signals.map(({ aborted }) => aborted)).toEqual([false])
  })
})
