/** The rules of nginx's module (protocol.md §8.5), on embedded storages' HTTP sides and on a handler before a client. */
import { parseFileId } from '../../src/index.js'
import { clientFiles, fileHandler, fileUrl, signUrl } from '../../src/http/index.js'
import type { Cluster } from '../../src/testing/index.js'
import { startCluster } from '../../src/testing/index.js'
import { ask, byteranges, listen } from '../http/ask.js'
import { large, missingLike, noise, targets, useTarget } from './target.js'

const SECRET = 'FastDFS1234567890'
const SIZE = large(200_000)
const CONTENT = noise(SIZE)

/** Something that serves the files of a cluster over HTTP. */
interface Web {
  /** Where the files are for everyone. */
  readonly open: string
  /** Where they need a token. */
  readonly closed: string
}

/** What the rules are asked of, and how files get there. */
interface Rules {
  readonly web: () => Web
  readonly upload: (content: Buffer, ext: string) => Promise<string>
  readonly uploadAppender: (content: Buffer, ext: string) => Promise<string>
  /** To where a token is needed. */
  readonly uploadClosed: (content: Buffer, ext: string) => Promise<string>
}

function keepsTheRules({ web, upload, uploadAppender, uploadClosed }: Rules): void {
  it('200 with all of the file, and its creation time', async () => {
    const id = await upload(CONTENT, 'jpg')
    const { status, headers, body } = await ask(fileUrl(id, { base: web().open }))
    expect(status).toBe(200)
    expect(body.equals(CONTENT)).toBe(true)
    expect(headers).toMatchObject({
      'content-type': 'image/jpeg',
      'content-length': String(SIZE),
      'accept-ranges': 'bytes',
      'last-modified': parseFileId(id).createdAt.toUTCString(),
    })
    const head = await ask(fileUrl(id, { base: web().open }), {}, 'HEAD')
    expect([head.status, head.headers['content-length'], head.body.length]).toEqual([200, String(SIZE), 0])
  })

  it('the group may stand in the URL or not', async () => {
    const id = await upload(CONTENT, 'jpg')
    // The handler knows one group; the file may be of another.
    const withGroup = await ask(fileUrl(id, { base: web().open }))
    expect(withGroup.status).toBe(200)
    if (parseFileId(id).group !== 'group1') return
    expect((await ask(fileUrl(id, { base: web().open, withGroup: false }))).status).toBe(200)
  })

  it('an empty file, and an appender file that grew', async () => {
    const empty = await ask(fileUrl(await upload(Buffer.alloc(0), ''), { base: web().open }))
    expect([empty.status, empty.headers['content-length'], empty.body.length]).toEqual([200, '0', 0])
    const appender = await ask(fileUrl(await uploadAppender(CONTENT, 'log'), { base: web().open }))
    expect([appender.status, appender.body.equals(CONTENT)]).toEqual([200, true])
  })

  it('304 for the same If-Modified-Since and for its ETag', async () => {
    const url = fileUrl(await upload(CONTENT, 'jpg'), { base: web().open })
    const { headers } = await ask(url)
    for (const condition of [
      { 'if-modified-since': headers['last-modified'] as string },
      { 'if-none-match': headers.etag as string },
    ]) {
      const { status, body } = await ask(url, condition)
      expect([status, body.length]).toEqual([304, 0])
    }
  })

  it.each([
    ['bytes=0-99', 0, 100],
    ['bytes=100-', 100, SIZE],
    ['bytes=-100', SIZE - 100, SIZE],
    ['bytes=0-0', 0, 1],
    [`bytes=${SIZE - 1}-300000`, SIZE - 1, SIZE],
    [`bytes=${large(65_530)}-${large(131_080)}`, large(65_530), large(131_080) + 1],
  ])('206 for %s', async (range, start, end) => {
    const url = fileUrl(await upload(CONTENT, 'jpg'), { base: web().open })
    const { status, headers, body } = await ask(url, { range })
    expect([status, headers['content-range']]).toEqual([206, `bytes ${start}-${end - 1}/${SIZE}`])
    expect(body.equals(CONTENT.subarray(start, end))).toBe(true)
  })

  it('multipart/byteranges for up to five ranges', async () => {
    const url = fileUrl(await upload(CONTENT, 'jpg'), { base: web().open })
    const [from, to] = [large(100_000), large(165_535)]
    const answer = await ask(url, { range: `bytes=0-9,50-59,${from}-${to},-1,5-5` })
    expect([answer.status, answer.headers['content-length']]).toEqual([206, String(answer.body.length)])
    const parts = byteranges(answer)
    expect(parts.map(({ headers }) => headers)).toEqual(
      ['0-9', '50-59', `${from}-${to}`, `${SIZE - 1}-${SIZE - 1}`, '5-5'].map((range) => ({
        'content-type': 'image/jpeg',
        'content-range': `bytes ${range}/${SIZE}`,
      })),
    )
    const expected = [
      [0, 10],
      [50, 60],
      [from, to + 1],
      [SIZE - 1, SIZE],
      [5, 6],
    ] as const
    expect(parts.map(({ body }) => body)).toEqual(
      expected.map(([start, end]) => CONTENT.toString('latin1', start, end)),
    )
  })

  it.each([`bytes=${SIZE}-`, 'bytes=9-5', 'bytes=x', 'bytes=0-0,1-1,2-2,3-3,4-4,5-5'])(
    '416 for %s',
    async (range) => {
      const url = fileUrl(await upload(CONTENT, 'jpg'), { base: web().open })
      expect((await ask(url, { range })).status).toBe(416)
    },
  )

  it('a name to save the file under', async () => {
    const url = fileUrl(await upload(CONTENT, 'jpg'), { base: web().open, filename: 'my photo.jpg' })
    expect((await ask(url)).headers['content-disposition']).toBe('attachment; filename="my photo.jpg"')
  })

  it('400 for URLs that are too short or name no file', async () => {
    for (const path of [
      '/',
      '/group1/M00',
      '/group1/M00/00/00/short',
      '/group1/X00/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ082',
    ]) {
      expect((await ask(`${web().open}${path}`)).status).toBe(400)
    }
  })

  it('405 for other methods', async () => {
    const url = fileUrl(await upload(CONTENT, 'jpg'), { base: web().open })
    const { status, headers } = await ask(url, {}, 'DELETE')
    expect([status, headers.allow]).toEqual([405, 'GET, HEAD'])
  })

  it('404 for a file that is not there', async () => {
    const url = fileUrl(missingLike(await upload(CONTENT, 'jpg')), { base: web().open })
    expect((await ask(url)).status).toBe(404)
    expect((await ask(url, {}, 'HEAD')).status).toBe(404)
    expect((await ask(url, { range: 'bytes=0-9' })).status).toBe(404)
  })

  it('tokens: 200 with the right one, 400 else', async () => {
    const id = await uploadClosed(CONTENT, 'jpg')
    const base = web().closed
    const seconds = Math.floor(Date.now() / 1000)
    const statuses = await Promise.all(
      [
        signUrl(id, { base, secret: SECRET }),
        signUrl(id, { base, secret: SECRET, timestamp: 0 }),
        signUrl(id, { base, secret: SECRET, timestamp: seconds + 10_000 }),
        signUrl(id, { base, secret: SECRET, timestamp: seconds - 10_000 }),
        signUrl(id, { base, secret: 'another' }),
        fileUrl(id, { base }),
        `${fileUrl(id, { base })}?token=${'0'.repeat(31)}&ts=${seconds}`,
      ].map(async (url) => (await ask(url)).status),
    )
    expect(statuses).toEqual([200, 200, 200, 400, 400, 400, 400])
  })
}

describe.each(targets)('a handler before a client of $name', (target) => {
  const fixture = useTarget(target)
  const closing: (() => Promise<void>)[] = []
  let web: Web

  beforeAll(async () => {
    const files = clientFiles(fixture.client)
    const open = await listen(fileHandler(files, { group: 'group1' }))
    const closed = await listen(fileHandler(files, { secret: SECRET }))
    closing.push(open.close, closed.close)
    web = { open: open.url, closed: closed.url }
  })
  afterAll(() => Promise.all(closing.map((close) => close())))

  const upload: Rules['upload'] = async (content, ext) => (await fixture.upload(content, { ext })).id
  keepsTheRules({
    web: () => web,
    upload,
    uploadClosed: upload,
    uploadAppender: async (content, ext) => {
      const { id } = await fixture.client.uploadAppenderFile(content.subarray(0, SIZE / 2), { ext })
      fixture.track(id)
      await fixture.client.appendFile(id, content.subarray(SIZE / 2))
      return id
    },
  })

  it('a slave file has its own size, time and type', async () => {
    const id = await upload(CONTENT, 'jpg')
    const thumbnail = noise(1_234, 7)
    const slave = await fixture.client.uploadSlaveFile(id, thumbnail, { prefix: '_150x150', ext: 'png' })
    fixture.track(slave.id)
    const url = fileUrl(slave.id, { base: web.open })
    const { status, headers, body } = await ask(url)
    expect([status, headers['content-length'], headers['content-type']]).toEqual([200, '1234', 'image/png'])
    expect(body.equals(thumbnail)).toBe(true)
    const { modifiedAt } = await fixture.client.fileInfo(slave.id)
    expect(headers['last-modified']).toBe(modifiedAt.toUTCString())
    const part = await ask(url, { range: 'bytes=-34', 'if-range': headers.etag as string })
    expect([part.status, part.body.equals(thumbnail.subarray(1200))]).toEqual([206, true])
  })

  it('the name that was kept with a file', async () => {
    const { id } = await fixture.upload(CONTENT, { filename: '照片 1.jpg', keepFilename: true })
    const kept = await listen(fileHandler(clientFiles(fixture.client, { keptFilenames: true })))
    const { headers } = await ask(fileUrl(id, { base: kept.url }))
    expect(headers['content-disposition']).toBe(
      `inline; filename="?? 1.jpg"; filename*=UTF-8''%E7%85%A7%E7%89%87%201.jpg`,
    )
    await kept.close()
  })
})

describe('the HTTP side of an embedded storage', () => {
  let open: Cluster
  let closed: Cluster

  beforeAll(async () => {
    ;[open, closed] = await Promise.all([
      startCluster({ http: true }),
      startCluster({ http: { secret: SECRET } }),
    ])
  })
  afterAll(() => Promise.all([open.stop(), closed.stop()]))

  keepsTheRules({
    web: () => ({ open: open.http('group1', 0).url, closed: closed.http('group1', 0).url }),
    upload: async (content, ext) => (await open.client().uploadFile(content, { ext })).id,
    uploadClosed: async (content, ext) => (await closed.client().uploadFile(content, { ext })).id,
    uploadAppender: async (content, ext) => {
      const client = open.client()
      const { id } = await client.uploadAppenderFile(content.subarray(0, SIZE / 2), { ext })
      await client.appendFile(id, content.subarray(SIZE / 2))
      return id
    },
  })
})
