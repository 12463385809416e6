/** A plain HTTP client: one connection for each request, nothing decoded, nothing followed. */
import { once } from 'node:events'
import type { IncomingHttpHeaders, IncomingMessage, RequestListener, Server } from 'node:http'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** Makes a request and reads the answer to its end. */
export async function ask(
  url: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<Answer> {
  const answer = await begin(url, headers, method)
  const chunks: Buffer[] = []
  for await (const chunk of answer) chunks.push(chunk as Buffer)
  return { status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) }
}

/** Makes a request and reads the head of the answer. */
export async function begin(
  url: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<IncomingMessage> {
  // The path as it is given: a URL would clean it.
  const [, origin = '', path = '/'] = /^(http:\/\/[^/]*)(.*)$/s.exec(url) ?? []
  const asked = request(origin, { path, method, headers, agent: false })
  const [answer] = (await once(asked.end(), 'response')) as [IncomingMessage]
  return answer
}

/** A server on a free port. */
export async function listen(
  listener: RequestListener,
): Promise<{ url: string; server: Server; close: () => Promise<void> }> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    server,
    close: async () => {
      server.closeAllConnections()
      await once(server.close(), 'close')
    },
  }
}

/** The parts of a multipart/byteranges body, each with its headers in lower case. */
export function byteranges({ headers, body }: Answer): { headers: Record<string, string>; body: string }[] {
  const boundary = /^multipart\/byteranges; boundary=(.+)$/.exec(headers['content-type'] ?? '')?.[1] as string
  const text = body.toString('latin1')
  const parts = `\r\n${text}`.split(`\r\n--${boundary}`)
  if (parts[0] !== '' || parts.at(-1) !== '--\r\n') throw new Error(`not multipart/byteranges: ${text}`)
  return parts.slice(1, -1).map((part) => {
    const [head = '', ...rest] = part.split('\r\n\r\n')
    const lines = head
      .split('\r\n')
      .slice(1)
      .map((line) => line.split(': ') as [string, string])
    return {
      headers: Object.fromEntries(lines.map(([name, value]) => [name.toLowerCase(), value])),
      body: rest.join('\r\n\r\n'),
    }
  })
}
