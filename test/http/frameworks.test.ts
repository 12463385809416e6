/** The same handler in Express, in Fastify and on HTTP/2. */
import { once } from 'node:events'
import { connect, createServer } from 'node:http2'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import fastify from 'fastify'
import type { FileStore } from '../../src/http/index.js'
import { fileHandler, forFastify } from '../../src/http/index.js'
import { ask, listen } from './ask.js'

const ID = 'group1/M00/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt'
const CONTENT = Buffer.from('hello, world!')

const files: FileStore = {
  open: async () => ({
    size: CONTENT.length,
    modifiedAt: new Date('2026-11-22T04:23:19Z'),
    async *read(offset, length) {
      yield CONTENT.subarray(offset, offset + length)
    },
  }),
}

async function expectFiles(url: string): Promise<void> {
  const whole = await ask(`${url}/files/${ID}`)
  expect([whole.status, whole.body.toString()]).toEqual([200, 'hello, world!'])
  expect(whole.headers).toMatchObject({ 'x-by-user': 'yes', 'content-length': '13' })
  const part = await ask(`${url}/files/${ID}`, { range: 'bytes=7-' })
  expect([part.status, part.body.toString()]).toEqual([206, 'world!'])
  const head = await ask(`${url}/files/${ID}`, {}, 'HEAD')
  expect([head.status, head.headers['content-length'], head.body.length]).toEqual([200, '13', 0])
  expect((await ask(`${url}/files/${ID}`, { 'if-none-match': '*' })).status).toBe(304)
  expect((await ask(`${url}/files/nothing`)).status).toBe(400)
  expect((await ask(`${url}/files/${ID}`, {}, 'POST')).status).toBe(405)
  expect((await ask(`${url}/other`)).status).toBe(404)
}

it('serves files in Express', async () => {
  const app = express()
  app.use((_, response, next) => {
    response.setHeader('X-By-User', 'yes')
    next()
  })
  app.use('/files', fileHandler(files))
  const { url, close } = await listen(app)
  await expectFiles(url)
  await close()
})

it('serves files in Fastify', async () => {
  const app = fastify()
  app.addHook('onRequest', async (_, reply) => {
    reply.header('X-By-User', 'yes')
  })
  app.all('/files/*', forFastify(fileHandler(files, { prefix: '/files' })))
  await expectFiles(await app.listen({ port: 0, host: '127.0.0.1' }))
  await app.close()
})

it('serves files over HTTP/2', async () => {
  const handler = fileHandler(files)
  // What HTTP/2 hands to listeners does what HTTP/1's does.
  const server = createServer((request, response) =>
    handler(request as unknown as IncomingMessage, response as unknown as ServerResponse),
  ).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const outcomes = await Promise.all(
    (
      [
        {},
        { range: 'bytes=0-4,7-' },
        { range: 'bytes=99-' },
        { ':method': 'HEAD' },
        { ':path': '/x' },
      ] as object[]
    ).map(async (headers) => {
      const stream = session.request({ ':path': `/${ID}`, ...headers })
      const [head] = (await once(stream, 'response')) as [Record<string, unknown>]
      return [
        head[':status'],
        Buffer.concat((await stream.toArray()) as Buffer[]).length,
        head['content-length'],
      ]
    }),
  )
  const [, multipart] = outcomes
  expect(multipart?.[0]).toBe(206)
  expect(String(multipart?.[1])).toBe(multipart?.[2])
  expect([outcomes[0], outcomes[2], outcomes[3], outcomes[4]]).toEqual([
    [200, 13, '13'],
    [416, 22, '22'],
    [200, 0, '13'],
    [400, 12, '12'],
  ])
  session.close()
  server.close()
  await once(server, 'close')
})
