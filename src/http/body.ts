import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { OutgoingHttpHeaders } from 'node:http'
import type { Exchange } from './answers.js'
import type { FlvPart } from './flv.js'
import type { ByteRange } from './ranges.js'
import type { ServedFile } from './store.js'

/** What a response consists of, ready to be sent. */
interface Layout {
  readonly status: number
  readonly headers: OutgoingHttpHeaders
  readonly parts: readonly { readonly head: string; readonly range: ByteRange }[]
  readonly tail: string
}

/** Sends a file, or ranges of it: one as it is, several as multipart/byteranges (RFC 9110 §14.6). */
export function sendFile(
  exchange: Exchange,
  file: ServedFile,
  headers: OutgoingHttpHeaders,
  ranges: readonly ByteRange[] | undefined,
): Promise<void> {
  return send(exchange, file, layOut(file, headers, ranges))
}

/** Sends a part of a Flash video as if it were a file. */
export function sendFlv(
  exchange: Exchange,
  file: ServedFile,
  headers: OutgoingHttpHeaders,
  part: FlvPart,
): Promise<void> {
  const length = part.head.length + part.range.length
  const all = { ...headers, 'Content-Length': length }
  return send(exchange, file, { status: 200, headers: all, parts: [part], tail: '' })
}

/**
 * The head goes out with the first bytes, so that what fails before has a status of its own; what fails later ends the
 * connection.
 */
async function send({ response, signal }: Exchange, file: ServedFile, layout: Layout): Promise<void> {
  for (const { head, range } of layout.parts) {
    let missing = range.length
    for await (const chunk of file.read(range.offset, range.length, signal)) {
      signal.throwIfAborted()
      if (chunk.length === 0) continue
      if (!response.headersSent) response.writeHead(layout.status, layout.headers)
      if (missing === range.length && head !== '') response.write(head)
      missing -= chunk.length
      if (missing < 0) break
      if (!response.write(chunk)) await once(response, 'drain', { signal })
    }
    // Whoever reads on would take what is missing from the next response.
    if (missing !== 0)
      throw new Error(`a file gave another number of bytes than it has: ${missing} are missing`)
  }
  if (!response.headersSent) response.writeHead(layout.status, layout.headers)
  response.end(layout.tail)
}

/** Answers a HEAD. */
export function sendHead({ response }: Exchange, file: ServedFile, headers: OutgoingHttpHeaders): void {
  const { status, headers: all } = layOut(file, headers, undefined)
  response.writeHead(status, all)
  response.end()
}

function layOut(
  { size }: ServedFile,
  headers: OutgoingHttpHeaders,
  ranges: readonly ByteRange[] | undefined,
): Layout {
  const [first = { offset: 0, length: size }, ...others] = ranges ?? []
  const contentRange = ({ offset, length }: ByteRange): string =>
    `bytes ${offset}-${offset + length - 1}/${size}`
  if (ranges === undefined || others.length === 0) {
    const length = { 'Content-Length': first.length }
    const parts = first.length === 0 ? [] : [{ head: '', range: first }]
    return ranges === undefined
      ? { status: 200, headers: { ...headers, ...length }, parts, tail: '' }
      : {
          status: 206,
          headers: { ...headers, ...length, 'Content-Range': contentRange(first) },
          parts,
          tail: '',
        }
  }
  const boundary = randomUUID()
  const type = String(headers['Content-Type'])
  const parts = ranges.map((range, index) => ({
    head: `${index === 0 ? '' : '\r\n'}--${boundary}\r\nContent-Type: ${type}\r\nContent-Range: ${contentRange(range)}\r\n\r\n`,
    range,
  }))
  const tail = `\r\n--${boundary}--\r\n`
  const length = parts.reduce((sum, { head, range }) => sum + head.length + range.length, tail.length)
  return {
    status: 206,
    headers: {
      ...headers,
      'Content-Type': `multipart/byteranges; boundary=${boundary}`,
      'Content-Length': length,
    },
    parts,
    tail,
  }
}
