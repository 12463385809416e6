/** Whatever is asked, the answer is one of HTTP, with the length that it says and no header of the client's. */
import { connect } from 'node:net'
import fc from 'fast-check'
import { fileHandler } from '../../src/http/index.js'
import { listen } from './ask.js'

const ID = 'group1/M00/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt'
const CONTENT = Buffer.from('hello, world!')

/** What a socket answers, up to its end. */
async function exchange(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.end(Buffer.from(text, 'latin1'))
  return Buffer.concat((await socket.toArray()) as Buffer[]).toString('latin1')
}

const path = fc.oneof(
  fc.constantFrom(`/${ID}`, `/${ID.slice(7)}`, `/${ID.replace('.txt', '.flv')}`, `http://h/${ID}`),
  fc.string().map((text) => `/${text.replace(/\s/g, '')}`),
)
const value = fc.oneof(
  fc.string({ unit: 'binary' }).map((text) => encodeURIComponent(Buffer.from(text).toString())),
  fc.constantFrom('a%0d%0aX-Evil:%201', '..%2f..%2f', '%', '%ff', '7', '12', '"'),
)
const parameter = fc.tuple(fc.constantFrom('filename', 'token', 'ts', 'redirect', 'start', 'end', 'x'), value)
const query = fc.array(
  parameter.map((both) => both.join('=')),
  { maxLength: 4 },
)
const condition = fc.oneof(
  fc.constantFrom(
    'bytes=0-4',
    'bytes=0-1,3-4',
    'bytes=-0',
    '*',
    '"386d4380-d-1"',
    'W/"x"',
    'bytes=0-,0-,0-,0-,0-',
  ),
  fc.string({ unit: fc.constantFrom(...'bytes=0123456789-, "W/*') }),
  fc.constantFrom('Sun, 22 Nov 2026 04:23:19 GMT', 'Sat, 01 Jan 2000 00:00:00 GMT', '1', 'Infinity'),
)
const names = ['Range', 'If-Range', 'If-Match', 'If-None-Match', 'If-Modified-Since', 'If-Unmodified-Since']
const headers = fc.dictionary(fc.constantFrom(...names), condition)

it('answers every request that Node takes', async () => {
  const failures: unknown[] = []
  const { url, close } = await listen(
    fileHandler(
      {
        open: async () => ({
          size: CONTENT.length,
          modifiedAt: new Date('2000-01-01T00:00:00Z'),
          crc32: 1,
          async *read(offset, length) {
            yield CONTENT.subarray(offset, offset + length)
          },
        }),
      },
      { group: 'group1', flv: true, onError: (error) => failures.push(error) },
    ),
  )
  const port = Number(new URL(url).port)
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('GET', 'HEAD', 'POST'),
      path,
      query,
      headers,
      async (method, at, asked, more) => {
        const lines = Object.entries({ Host: 'h', Connection: 'close', ...more }).map((both) =>
          both.join(': '),
        )
        const answer = await exchange(
          port,
          `${method} ${at}?${asked.join('&')} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`,
        )
        const [, status, head = '', body = ''] =
          /^HTTP\/1\.1 (\d{3}) .*?\r\n(.*?)\r\n\r\n(.*)$/s.exec(answer) ?? []
        expect(['200', '206', '304', '400', '405', '412', '416']).toContain(status)
        expect(head).not.toMatch(/^X-Evil/im)
        const length = /^content-length: (\d+)/im.exec(head)?.[1]
        if (method !== 'HEAD' && length !== undefined) expect(body).toHaveLength(Number(length))
      },
    ),
    { numRuns: 500 },
  )
  expect(failures).toEqual([])
  await close()
}, 30_000)
