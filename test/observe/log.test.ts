import createDebug from 'debug'
import type { Logger } from '../../src/index.js'
import { FastDfsClient } from '../../src/index.js'
import { Log, redact } from '../../src/observe/log.js'
import { deadAddress, fakeCluster, ID, rejection } from '../client/fakes.js'

type Line = [level: keyof Logger, details: Record<string, unknown>, message: string]

function logger(): Logger & { lines: Line[] } {
  const lines: Line[] = []
  const at =
    (level: keyof Logger) =>
    (details: object, message: string): void =>
      void lines.push([level, details as Record<string, unknown>, message])
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn') }
}

describe('a logger', () => {
  it('is told of connections, failures and attempts, each with its scope', async () => {
    const log = logger()
    let calls = 0
    await using cluster = await fakeCluster(
      { 22: (_, socket) => (++calls === 1 ? void socket.resetAndDestroy() : undefined) },
      { retries: 1, logger: log, idleTimeout: 500 },
    )
    await rejection(cluster.client.fileInfo(ID))
    const endpoint = cluster.storage.address
    expect(log.lines).toContainEqual(['debug', { scope: 'fastdfs:net', endpoint }, `${endpoint}: connected`])
    expect(log.lines).toContainEqual([
      'info',
      { scope: 'fastdfs:pool', endpoint, code: 'FDFS_CONNECT' },
      `${endpoint}: avoided for a while: connection lost: ECONNRESET`,
    ])
    expect(log.lines.filter(([, { scope }]) => scope === 'fastdfs:retry')).toMatchObject([
      ['debug', { attempt: 1, code: 'FDFS_CONNECT', command: 'queryFileInfo', endpoint }, expect.any(String)],
    ])
  })

  it('replaces DEBUG', async () => {
    const written: unknown[] = []
    const { log: original } = createDebug
    createDebug.log = (...args: unknown[]) => written.push(args)
    createDebug.enable('fastdfs:*')
    try {
      const trackers = await deadAddress()
      await using quiet = new FastDfsClient({ trackers, retries: 0, logger: logger() })
      await rejection(quiet.ping())
      expect(written).toEqual([])
      await using loud = new FastDfsClient({ trackers, retries: 0 })
      await rejection(loud.ping())
      expect(written.join('\n')).toMatch(/fastdfs:net.*cannot connect: ECONNREFUSED/)
    } finally {
      createDebug.disable()
      createDebug.log = original
    }
  })

  it.each([[{}], [null], ['pino'], [{ debug: () => {}, info: () => {} }]])('is not %j', (wrong) => {
    expect(() => new FastDfsClient({ trackers: '10.0.0.1', logger: wrong as never })).toThrow(
      /logger must have a method/,
    )
  })
})

describe('no secret', () => {
  it.each([
    ['http://h/group1/M00/a.jpg?token=0123abcd&ts=1', 'http://h/group1/M00/a.jpg?token=[redacted]&ts=1'],
    ['secret=FastDFS1234567890 password="x"', 'secret=[redacted] password="[redacted]"'],
    ['secretKey=a&secret_key=b', 'secretKey=[redacted]&secret_key=[redacted]'],
    ['fastdfs.http_secret_key = a', 'fastdfs.http_secret_key = [redacted]'],
    ['checkToken=true', 'checkToken=true'],
    ['{"secret":"abc","size":5}', '{"secret":"[redacted]","size":5}'],
    ['{ "http_secret_key": "a b, c" }', '{ "http_secret_key": "[redacted]" }'],
    ['{"token":"a\\"b","n":1}', '{"token":"[redacted]","n":1}'],
    ['{"token":"a\\tb"}', '{"token":"[redacted]"}'],
    ["{ password: 'a b' }", "{ password: '[redacted]' }"],
    ['secret=a,b}c', 'secret=[redacted]'],
    ['"{\\"secret\\":\\"abc\\"}"', '"{\\"secret\\":\\"[redacted]\\"}"'],
    ['password: abc', 'password: [redacted]'],
    ['fdfs://u:abc@h:22122,h2:22122/?a=1', 'fdfs://u:[redacted]@h:22122,h2:22122/?a=1'],
    ['fdfs://:a@b@h', 'fdfs://:[redacted]@h'],
    ['http://h:80/a@b and fdfs://h:22122', 'http://h:80/a@b and fdfs://h:22122'],
    ['fdfs://user@h:22122', 'fdfs://user@h:22122'],
    ['nothing to hide', 'nothing to hide'],
  ])('gets through in %s', (text, redacted) => {
    expect(redact(text)).toBe(redacted)
    const log = logger()
    new Log(log).warn('client', text, { url: text, size: 5 })
    expect(log.lines).toEqual([['warn', { scope: 'fastdfs:client', url: redacted, size: 5 }, redacted]])
  })
})
