/** The control port, by Node's own HTTP. */
import { request } from 'node:http'
import { Control } from '../../src/cli/control.js'
import type { Cluster } from '../../src/testing/index.js'
import { startCluster } from '../../src/testing/index.js'
import { packet, RawClient } from '../server/raw.js'

let cluster: Cluster
let control: Control
beforeAll(async () => {
  cluster = await startCluster({ storages: 2, replication: 'manual', http: true })
  control = new Control(cluster)
  await control.start(0)
})
afterAll(async () => {
  await control.stop()
  await cluster.stop()
})

interface Answer {
  status: number | undefined
  body: Record<string, never>
}

function ask(
  method: string,
  path: string,
  { body, headers = {} }: { body?: unknown; headers?: Record<string, string> } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(new URL(path, control.url), { method, headers, agent: false }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += chunk.toString()))
      response.on('end', () =>
        resolve({ status: response.statusCode, body: JSON.parse(text) as Answer['body'] }),
      )
    })
    sent.on('error', reject)
    sent.end(typeof body === 'string' ? body : body && JSON.stringify(body))
  })
}

it('says that it is ready, and what there is', async () => {
  expect(await ask('GET', '/')).toMatchObject({
    status: 200,
    body: { ready: true, trackers: [{ name: 'tracker1' }], storages: [{ id: 100001 }, { id: 100002 }] },
  })
  expect((await ask('GET', '/stats')).body).toMatchObject([{ member: 'tracker1' }, {}, {}])
})

it('tells of HTTP URLs, and lets storages replicate', async () => {
  const { storages } = (await ask('GET', '/')).body as unknown as { storages: { http: string }[] }
  expect(storages.map(({ http }) => http)).toEqual([0, 1].map((i) => `${cluster.http('group1', i).url}/`))
  const { id } = await cluster.client().uploadFile(Buffer.from('hello'))
  const held = async (): Promise<number> =>
    (await Promise.all(cluster.storages.map((storage) => storage.stat(id)))).filter(Boolean).length
  expect(await held()).toBe(1)
  expect((await ask('POST', '/replicate')).status).toBe(200)
  expect(await held()).toBe(2)
})

it('makes faults, tells of them and removes them', async () => {
  const match = { on: 'group1-storage1', command: 'activeTest', times: 2 }
  const made = await ask('POST', '/faults', { body: { match, effect: { status: 28 } } })
  expect(made).toEqual({ status: 200, body: { id: '1', match, effect: { status: 28 }, hits: 0 } })
  const raw = await RawClient.connect(cluster.storage('group1').port)
  expect((await raw.ask(111)).status).toBe(28)
  expect((await ask('GET', '/faults')).body).toMatchObject([{ id: '1', hits: 1 }])
  expect((await ask('DELETE', '/faults/1')).body).toMatchObject({ hits: 1 })
  expect((await raw.ask(111)).status).toBe(0)
  await ask('POST', '/faults', { body: { effect: { garbage: '68656c6c6f21212121212121', cutAfter: 10 } } })
  raw.send(packet(111))
  await new Promise((resolve) => raw.socket.once('close', resolve))
  await ask('POST', '/reset')
  expect((await ask('GET', '/faults')).body).toEqual([])
  raw.close()
})

it.each(['{"match":null}', '{"effect":[]}', '{"effect":null}', '{"match":1,"effect":{"hang":true}}'])(
  'makes no fault of %s',
  async (body) => {
    expect(await ask('POST', '/faults', { body })).toEqual({
      status: 400,
      body: { error: 'a fault is {"match": {…}, "effect": {…}}' },
    })
  },
)

it('refuses a path that is no text', async () => {
  expect(await ask('DELETE', '/faults/%zz')).toEqual({
    status: 400,
    body: { error: '%zz in the path is no text' },
  })
})

it('tells what was asked, and waits for it', async () => {
  await ask('POST', '/reset')
  const next = ask('GET', '/requests/next?command=activeTest&from=clients&timeout=5000')
  // The wait has begun when another request, made after it, is answered.
  await ask('GET', '/')
  const raw = await RawClient.connect(cluster.storage('group1', 1).port)
  await raw.ask(111)
  expect((await next).body).toMatchObject({
    command: 'activeTest',
    member: 'group1-storage2',
    from: 'client',
  })
  expect((await ask('GET', '/requests?from=clients')).body).toMatchObject([
    { command: 'activeTest', status: 0 },
  ])
  expect(await ask('GET', '/requests/next?command=deleteFile&timeout=5')).toMatchObject({
    status: 400,
    body: { error: expect.stringContaining('no such request came within 5 ms') as string },
  })
  raw.close()
})

it('stops members and starts them', async () => {
  const storage = cluster.storage('group1')
  for (const [action, state] of [
    ['stop', 'stopped'],
    ['start', 'running'],
    ['pause', 'paused'],
    ['resume', 'running'],
    ['kill', 'stopped'],
    ['start', 'running'],
  ]) {
    expect((await ask('POST', `/members/group1-storage1/${action}`)).body).toEqual({
      name: 'group1-storage1',
      state,
    })
    expect(storage.state).toBe(state)
  }
})

it('listens on 127.0.0.1 alone, and serves no browser', async () => {
  expect(control.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  for (const headers of [
    { origin: 'https://evil.example' },
    { host: 'evil.example' },
    { host: 'localhost' },
    { 'sec-fetch-site': 'cross-site' },
  ] as Record<string, string>[]) {
    expect((await ask('POST', '/reset', { headers })).status).toBe(403)
  }
})

it.each([
  ['GET', '/nothing', undefined, 404, 'there is no GET /nothing'],
  ['DELETE', '/faults/99', undefined, 404, 'there is no fault 99'],
  ['POST', '/members/nobody/stop', undefined, 404, 'there is no member nobody'],
  ['POST', '/members/tracker1/dance', undefined, 404, 'a member can start, stop'],
  ['POST', '/faults', { match: { command: 'x' }, effect: { status: 1 } }, 400, 'there is no command "x"'],
  ['POST', '/faults', {}, 400, 'a fault needs one of'],
  ['POST', '/faults', '{', 400, 'the body is no JSON'],
  ['POST', '/faults', 'x'.repeat(1024 * 1024 + 1), 413, 'bytes at most'],
  ['GET', '/requests?comand=x', undefined, 400, 'there is no filter comand'],
])('refuses %s %s', async (method, path, body, status, message) => {
  expect(await ask(method, path, { body })).toMatchObject({
    status,
    body: { error: expect.stringContaining(message) as string },
  })
})
