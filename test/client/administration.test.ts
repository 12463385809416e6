/** What operators ask of several trackers, when one of them fails, refuses, or is not the one that leads. */
import type { ClientOptions } from '../../src/index.js'
import { FastDfsClient } from '../../src/index.js'
import type { Answer, FakeServer } from '../support/fake-server.js'
import { fakeServer, field, response } from '../support/fake-server.js'
import { OK, rejection, status } from './fakes.js'

beforeAll(() => void jest.spyOn(Math, 'random').mockReturnValue(0))
afterAll(() => jest.restoreAllMocks())

const closes: Answer = (_, socket) => void socket.end()
const silent: Answer = () => undefined
const always =
  (answer: Buffer): Answer =>
  () =>
    answer
/** The first answer, then the second one for ever. */
const first = (one: Answer, then: Answer): Answer => {
  let asked = 0
  return (request, socket) => (asked++ === 0 ? one : then)(request, socket)
}
const commands = (server: FakeServer): number[] => server.requests.map((request) => request[8] as number)

/** Two trackers, and a client that asks them in this order. */
async function two(
  one: Answer,
  other: Answer,
  options: Partial<ClientOptions> = {},
): Promise<{ one: FakeServer; other: FakeServer; client: FastDfsClient } & AsyncDisposable> {
  const servers = [await fakeServer(one), await fakeServer(other)] as const
  const client = new FastDfsClient({
    trackers: servers.map(({ address }) => address),
    retries: 1,
    idleTimeout: 2_000,
    ...options,
  })
  return {
    one: servers[0],
    other: servers[1],
    client,
    [Symbol.asyncDispose]: async () => {
      await client.close({ grace: 0 })
      for (const server of servers) await server[Symbol.asyncDispose]()
    },
  }
}

const TRUNK_SERVER = response(field('100001', 16))

describe('setTrunkServer', () => {
  it('is not asked of another tracker when it may have been carried out', async () => {
    await using trackers = await two(closes, always(TRUNK_SERVER))
    await expect(trackers.client.admin.setTrunkServer('group1')).rejects.toMatchObject({
      name: 'UnknownOutcomeError',
      endpoint: trackers.one.address,
    })
    expect(commands(trackers.other)).toEqual([])
  })

  it('has an unknown outcome, too, where the time is over before the answer', async () => {
    await using trackers = await two(silent, always(TRUNK_SERVER))
    const error = await rejection(trackers.client.admin.setTrunkServer('group1', { timeout: 50 }))
    expect(error).toMatchObject({ name: 'UnknownOutcomeError', cause: { name: 'TimeoutError' } })
  })
})

describe('clusterStatistics', () => {
  it('asks again when the answer is lost of the tracker that may lead, and the other one does not', async () => {
    await using trackers = await two(first(closes, always(status(28))), always(status(95)))
    // The second attempt gets an answer of its own, which no statistics are needed for.
    await expect(trackers.client.admin.clusterStatistics()).rejects.toMatchObject({ name: 'NoSpaceError' })
    expect(commands(trackers.one)).toHaveLength(2)
    expect(commands(trackers.other)).toHaveLength(1)
  })
})

describe('while no tracker leads', () => {
  const leading = (leads: boolean): Buffer =>
    response(Buffer.concat([Buffer.from([Number(leads)]), Buffer.alloc(16)]))
  /** Answers 64 and 94 in turn as told, the last one for ever. */
  const electing =
    (...rounds: [isLeader: Buffer, trunkServer: Buffer][]): Answer =>
    (request) => {
      const round = rounds.length > 1 && request[8] === 64 ? rounds.shift() : rounds[0]
      return round?.[request[8] === 64 ? 0 : 1]
    }
  const follower: [Buffer, Buffer] = [leading(false), status(95)]

  it('they are asked again until one does', async () => {
    await using trackers = await two(
      electing(follower, follower, follower, [leading(true), TRUNK_SERVER]),
      electing(follower),
    )
    expect(await trackers.client.admin.setTrunkServer('group1')).toBe('100001')
    expect(commands(trackers.one).filter((command) => command === 94)).toHaveLength(4)
  })

  it('and one is elected in between, that one is asked once more', async () => {
    let asked = 0
    const elected: Answer = (request) =>
      request[8] === 64 ? leading(true) : ++asked === 1 ? status(95) : TRUNK_SERVER
    await using trackers = await two(always(status(95)), elected)
    expect(await trackers.client.admin.setTrunkServer('group1')).toBe('100001')
    expect(commands(trackers.other)).toEqual([94, 64, 94])
  })

  it.each<[string, Buffer, Buffer]>([
    ['one leads, and does not support it', leading(true), status(95)],
    ['none knows a group, nor another tracker', status(2), status(95)],
  ])('is not assumed where %s', async (_, isLeader, answer) => {
    await using trackers = await two(electing([isLeader, answer]), electing([isLeader, answer]))
    await expect(trackers.client.admin.setTrunkServer('group1')).rejects.toMatchObject({
      name: 'NotSupportedError',
      status: 95,
    })
  })

  it('is an error after retryDeadline, and at once without retries', async () => {
    for (const options of [{ retryDeadline: 1 }, { retries: 0 }]) {
      await using trackers = await two(electing(follower), electing(follower), options)
      await expect(trackers.client.admin.setTrunkServer('group1')).rejects.toMatchObject({ status: 95 })
    }
  })
})

describe('leader', () => {
  /** A tracker before V6.15.5, which says of itself whether it leads. */
  const old =
    (leads: boolean): Answer =>
    (request) =>
      request[8] === 95
        ? status(22)
        : response(Buffer.concat([Buffer.from([Number(leads)]), Buffer.alloc(16)]))

  it('finds the one that leads among old trackers when another one is down', async () => {
    await using trackers = await two(
      (request, socket) => (request[8] === 95 ? status(22) : closes(request, socket)),
      old(true),
    )
    expect(await trackers.client.admin.leader()).toEqual({ host: '127.0.0.1', port: trackers.other.port })
  })
})

describe('what every tracker is asked', () => {
  it('is asked again where an answer was lost, though another tracker has it done already', async () => {
    await using trackers = await two(first(closes, always(OK)), first(always(OK), always(status(2))))
    await expect(trackers.client.admin.deleteGroup('group1')).resolves.toBeUndefined()
    expect(commands(trackers.one)).toEqual([108, 108])
  })

  it('ends in the error of the tracker that cannot be asked, not in what the other has done already', async () => {
    await using trackers = await two(closes, first(always(OK), always(status(2))))
    const error = await rejection(trackers.client.admin.deleteGroup('group1'))
    expect(error).toMatchObject({ name: 'RetryError', cause: { name: 'ConnectError' } })
  })

  it('ends with the time of the call, whatever others have answered', async () => {
    await using trackers = await two(silent, always(status(16)))
    await expect(trackers.client.admin.deleteGroup('group1', { timeout: 50 })).rejects.toMatchObject({
      name: 'TimeoutError',
    })
  })

  it('ends with the client, whatever others have answered', async () => {
    await using trackers = await two(silent, always(status(16)))
    const deleting = rejection(trackers.client.admin.deleteGroup('group1'))
    while (trackers.one.requests.length === 0) await new Promise((resolve) => setImmediate(resolve))
    await trackers.client.close({ grace: 0 })
    expect((await deleting).name).toBe('ClosedError')
  })
})
