/** What is made again, how often, and what never is (design.md, Retries). */
import type { Socket } from 'node:net'
import type { ClientOptions, FastDfsError, RetryError, UnknownOutcomeError } from '../../src/index.js'
import { FastDfsClient } from '../../src/index.js'
import type { Answer, FakeServer } from '../support/fake-server.js'
import { fakeServer, fakeTracker, header, response } from '../support/fake-server.js'
import {
  bytesOf,
  CONTENT,
  deadAddress,
  fakeCluster,
  ID,
  INFO,
  OK,
  rawCluster,
  rejection,
  status,
  STORED,
  wholeRequest,
} from './fakes.js'

// No pauses between attempts, and the first tracker first.
beforeAll(() => void jest.spyOn(Math, 'random').mockReturnValue(0))
afterAll(() => jest.restoreAllMocks())

type Call = (client: FastDfsClient) => Promise<unknown>

/** Every idempotent method, its command, and the answer to it. */
const idempotent: Record<string, { call: Call; command: number; answer: Buffer }> = {
  downloadFile: { call: (client) => client.downloadFile(ID), command: 14, answer: response(CONTENT) },
  fileInfo: { call: (client) => client.fileInfo(ID), command: 22, answer: INFO },
  getMetadata: {
    call: (client) => client.getMetadata(ID),
    command: 15,
    answer: response(Buffer.from('a\x02b')),
  },
  setMetadata: { call: (client) => client.setMetadata(ID, { a: 'b' }), command: 13, answer: OK },
  deleteFile: { call: (client) => client.deleteFile(ID), command: 12, answer: OK },
}

/** Ways to lose an answer that was asked for. */
const losses: Record<string, (socket: Socket) => Buffer | void> = {
  'a close': (socket) => void socket.end(),
  'a reset': (socket) => void socket.resetAndDestroy(),
  'half an answer': (socket) => void socket.end(header(40).subarray(0, 5)),
  garbage: () => Buffer.alloc(10, 0xff),
  silence: () => {},
  'a status that says busy': () => status(16),
  'a status that says again': () => status(11),
}

/** Answers as told, one call after the other; the last answer stays. */
const inTurn = (...answers: (Buffer | ((socket: Socket) => Buffer | void))[]): Answer => {
  let calls = 0
  return (_, socket) => {
    const answer = answers[Math.min(calls++, answers.length - 1)] as
      Buffer | ((socket: Socket) => Buffer | void)
    return typeof answer === 'function' ? answer(socket) : answer
  }
}

describe.each(Object.entries(idempotent))('%s', (_, { call, command, answer }) => {
  it.each(Object.entries(losses))('is made again after %s', async (__, lose) => {
    await using cluster = await fakeCluster(
      { [command]: inTurn(lose, lose, answer) },
      { retries: 2, idleTimeout: 400 },
    )
    await call(cluster.client)
    expect(cluster.commands()).toEqual([command, command, command])
  })

  it('ends in a RetryError with all that happened', async () => {
    await using cluster = await fakeCluster(
      {
        [command]: inTurn(
          losses['a close'] as Answer & (() => void),
          () => status(16),
          () => Buffer.alloc(10, 0xff),
        ),
      },
      { retries: 2 },
    )
    const error = await rejection<RetryError>(call(cluster.client))
    expect(error).toMatchObject({
      name: 'RetryError',
      endpoint: cluster.storage.address,
      fileId: ID,
      errors: [{ name: 'ConnectError' }, { name: 'ServerError', status: 16 }, { name: 'ProtocolError' }],
      cause: { name: 'ProtocolError' },
    })
    expect(error.reason).toMatch(/^all 3 attempts failed, the last one: /)
    expect(error.command).toBe(error.errors[0]?.command)
  })

  it('is not made again after an answer', async () => {
    await using cluster = await fakeCluster({ [command]: status(5) }, { retries: 2 })
    await expect(call(cluster.client)).rejects.toMatchObject({ name: 'ServerError', status: 5 })
    expect(cluster.commands()).toEqual([command])
  })

  it('gives the answer, not the losses before it', async () => {
    await using cluster = await fakeCluster(
      { [command]: inTurn((socket) => void socket.end(), status(5)) },
      { retries: 2 },
    )
    await expect(call(cluster.client)).rejects.toMatchObject({ name: 'ServerError', status: 5 })
    expect(cluster.commands()).toEqual([command, command])
  })

  it('is made once with retries: 0', async () => {
    await using cluster = await fakeCluster({ [command]: (__, socket) => void socket.end() }, { retries: 0 })
    await expect(call(cluster.client)).rejects.toMatchObject({ name: 'ConnectError', retriable: true })
    expect(cluster.commands()).toEqual([command])
  })
})

describe('deleteFile', () => {
  it.each(['a close', 'a reset', 'half an answer', 'garbage', 'silence'])(
    'whose answer was lost by %s has deleted the file when the next says 2',
    async (loss) => {
      const lose = losses[loss] as (socket: Socket) => Buffer | void
      await using cluster = await fakeCluster(
        { 12: inTurn(lose, status(2)) },
        { retries: 1, idleTimeout: 400 },
      )
      await expect(cluster.client.deleteFile(ID)).resolves.toBeUndefined()
      expect(cluster.commands()).toEqual([12, 12])
    },
  )

  it.each<[string, (socket: Socket) => Buffer | void]>([
    ['the storage was busy', () => status(16)],
    ['the storage was busy and said so with EAGAIN', () => status(11)],
  ])('that was not carried out, since %s, has not deleted it', async (_, busy) => {
    await using cluster = await fakeCluster({ 12: inTurn(busy, status(2)) }, { retries: 1 })
    await expect(cluster.client.deleteFile(ID)).rejects.toMatchObject({ name: 'FileNotFoundError' })
  })

  it('of a file that is not there is an error, also after trackers failed', async () => {
    let calls = 0
    await using storage = await fakeServer(() => status(2))
    await using tracker = await fakeTracker(storage.port)
    await using flaky = await fakeServer((request, socket) => {
      if (++calls === 1) return void socket.destroy()
      // What the good tracker says, with the length of its answer.
      return void forward(tracker, request, socket)
    })
    await using client = new FastDfsClient({ trackers: flaky.address, retries: 2, verify: false })
    await expect(client.deleteFile(ID)).rejects.toMatchObject({ name: 'FileNotFoundError', status: 2 })
    expect(calls).toBe(2)
    expect(storage.requests).toHaveLength(1)
  })
})

async function forward(to: FakeServer, request: Buffer, back: Socket): Promise<void> {
  const { connect } = await import('node:net')
  const socket = connect(to.port, '127.0.0.1')
  socket.write(request)
  socket.once('data', (answer) => {
    back.write(answer)
    socket.destroy()
  })
}

describe('uploadFile', () => {
  it.each(['a close', 'a reset', 'half an answer', 'garbage', 'silence'])(
    'is never made again when all was sent, and the answer lost by %s',
    async (loss) => {
      const lose = losses[loss] as (socket: Socket) => Buffer | void
      await using cluster = await fakeCluster({ 11: inTurn(lose, STORED) }, { retries: 2, idleTimeout: 400 })
      const error = await rejection<UnknownOutcomeError>(cluster.client.uploadFile(CONTENT))
      expect(error).toMatchObject({
        name: 'UnknownOutcomeError',
        retriable: false,
        command: 'uploadFile',
        endpoint: cluster.storage.address,
      })
      expect(error.reason).toMatch(/^the answer is lost, the request may have been carried out: /)
      expect((error.cause as FastDfsError).name).toMatch(/^(Connect|Timeout|Protocol)Error$/)
      expect(cluster.commands()).toEqual([11])
    },
  )

  it('of nothing is never made again either', async () => {
    await using cluster = await fakeCluster({ 11: (_, socket) => void socket.end() }, { retries: 2 })
    await expect(cluster.client.uploadFile(Buffer.alloc(0))).rejects.toMatchObject({
      name: 'UnknownOutcomeError',
    })
    expect(cluster.commands()).toEqual([11])
  })

  it('is made again when the storage says that it is busy: nothing was stored', async () => {
    await using cluster = await fakeCluster({ 11: inTurn(status(16), STORED) }, { retries: 1 })
    await expect(cluster.client.uploadFile(CONTENT)).resolves.toMatchObject({ id: ID })
    // After any status but 0 the connection may hold the rest of the content.
    expect(cluster.storage.connections).toHaveLength(2)
  })

  it('asks a tracker again for each attempt: the next storage takes it', async () => {
    await using good = await fakeServer(() => STORED)
    const dead = Number((await deadAddress()).split(':')[1])
    await using broken = await fakeTracker(dead)
    await using working = await fakeTracker(good.port)
    await using client = new FastDfsClient({
      trackers: [broken.address, working.address],
      retries: 1,
      verify: false,
    })
    for (let i = 0; i < 4; i++) await expect(client.uploadFile(CONTENT)).resolves.toMatchObject({ id: ID })
    expect(good.requests).toHaveLength(4)
  })

  it('whose body was not wholly sent, and whose outcome is unknown the second time, says so', async () => {
    let connections = 0
    await using raw = await rawCluster(
      (socket) => {
        if (++connections === 1) return void socket.once('data', () => socket.resetAndDestroy())
        void wholeRequest(socket).then(() => socket.end())
      },
      { retries: 2 },
    )
    await expect(raw.client.uploadFile(Buffer.alloc(24 * 1024 * 1024))).rejects.toMatchObject({
      name: 'UnknownOutcomeError',
    })
    expect(connections).toBe(2)
  })

  it.each([
    [28, 'NoSpaceError'],
    [22, 'ServerError'],
    [5, 'ServerError'],
  ])('that is refused with %d while it is sent gives the %s', async (number, name) => {
    await using raw = await rawCluster((socket) => {
      socket.once('data', () => {
        socket.pause()
        // What V6 does: answers after its first buffer, and closes with the rest unread, which resets.
        socket.write(status(number), () => setImmediate(() => socket.destroy()))
      })
    })
    await expect(raw.client.uploadFile(bytesOf(16 * 1024 * 1024))).rejects.toMatchObject({
      name,
      status: number,
    })
  })
})

describe('trackers', () => {
  const withTrackers = async (
    answers: (Answer | 'dead' | 'good')[],
    test: (client: FastDfsClient, trackers: (FakeServer | undefined)[]) => Promise<void>,
    options: Partial<ClientOptions> = {},
  ): Promise<void> => {
    await using storage = await fakeServer(() => INFO)
    const trackers: (FakeServer | undefined)[] = []
    const addresses: string[] = []
    for (const answer of answers) {
      const tracker =
        answer === 'dead'
          ? undefined
          : answer === 'good'
            ? await fakeTracker(storage.port)
            : await fakeServer(answer)
      trackers.push(tracker)
      addresses.push(tracker?.address ?? (await deadAddress()))
    }
    try {
      await using client = new FastDfsClient({
        trackers: addresses,
        retries: 0,
        idleTimeout: 400,
        ...options,
      })
      await test(client, trackers)
    } finally {
      for (const tracker of trackers) await tracker?.[Symbol.asyncDispose]()
    }
  }

  it.each<[string, Answer | 'dead']>([
    ['cannot be reached', 'dead'],
    ['closes', (_, socket) => void socket.end()],
    ['resets', (_, socket) => void socket.resetAndDestroy()],
    ['says nothing', () => {}],
    ['talks garbage', () => Buffer.alloc(10, 0xff)],
    ['gives an address that is none', () => response(Buffer.alloc(39))],
    ['says busy', () => status(16)],
    ['says again', () => status(11)],
    ['says 2', () => status(2)],
  ])('one that %s is passed over, and asked last for a while', async (how, bad) => {
    await withTrackers([bad, 'good'], async (client, [first, good]) => {
      for (let i = 0; i < 6; i++) await expect(client.fileInfo(ID)).resolves.toMatchObject({ size: 13 })
      expect(good?.requests).toHaveLength(6)
      // One that says 2 did answer: it may know the next file, and is asked in its turn.
      if (first !== undefined) expect(first.requests).toHaveLength(how === 'says 2' ? 3 : 1)
    })
  })

  it('take turns', async () => {
    await withTrackers(['good', 'good', 'good'], async (client, trackers) => {
      for (let i = 0; i < 9; i++) await client.fileInfo(ID)
      expect(trackers.map((tracker) => tracker?.requests.length)).toEqual([3, 3, 3])
    })
  })

  it('are asked each once when all say 2, and are believed without a retry', async () => {
    await withTrackers(
      [() => status(2), () => status(2), () => status(2)],
      async (client, trackers) => {
        const calls: Call[] = [
          (client) => client.fileInfo(ID),
          (client) => client.uploadFile(CONTENT),
          (client) => client.downloadFile(ID),
          (client) => client.deleteFile(ID),
        ]
        for (const call of calls) {
          await expect(call(client)).rejects.toMatchObject({
            name: 'FileNotFoundError',
            status: 2,
            retriable: false,
          })
        }
        expect(trackers.map((tracker) => tracker?.requests.length)).toEqual([4, 4, 4])
      },
      { retries: 2 },
    )
  })

  it('that say 2 are believed where the others cannot be asked', async () => {
    await withTrackers(['dead', () => status(2), 'dead'], async (client) => {
      await expect(client.fileInfo(ID)).rejects.toMatchObject({ name: 'FileNotFoundError' })
    })
  })

  it('that refuse end the call with what they say', async () => {
    await withTrackers([() => status(22), () => status(22)], async (client, trackers) => {
      await expect(client.fileInfo(ID)).rejects.toMatchObject({
        name: 'ServerError',
        status: 22,
        command: 'queryFetchOne',
        fileId: ID,
      })
      expect(trackers.flatMap((tracker) => tracker?.requests)).toHaveLength(1)
    })
  })

  it('none of which can be reached are all tried, as often as retries say', async () => {
    await withTrackers(
      ['dead', 'dead'],
      async (client) => {
        const error = await rejection<RetryError>(client.fileInfo(ID))
        expect(error).toMatchObject({ name: 'RetryError', fileId: ID, command: 'queryFetchOne' })
        // Three attempts at two trackers; errors of several are never within each other.
        expect(error.errors).toHaveLength(6)
        for (const one of error.errors) expect(one).toMatchObject({ name: 'ConnectError', phase: 'connect' })
        expect(error.reason).toMatch(
          /^all 3 attempts failed, the last one: none of 2 trackers could be asked/,
        )
        expect(error.message).toMatch(/cannot connect: ECONNREFUSED \(at 127\.0\.0\.1:\d+\)/)
      },
      { retries: 2 },
    )
  })

  it('that name a storage without an address, or a port that is none, break the protocol', async () => {
    const named = (ip: string, port: number): Buffer => {
      const body = Buffer.alloc(39)
      body.write('group1')
      body.write(ip, 16)
      body.writeBigInt64BE(BigInt(port), 31)
      return response(body)
    }
    for (const answer of [
      named('', 23000),
      named('10.0.0.1', 0),
      named('10.0.0.1', 65536),
      named('10.0.0.1', -1),
    ]) {
      await withTrackers([() => answer], async (client) => {
        await expect(client.fileInfo(ID)).rejects.toMatchObject({ name: 'ProtocolError', fileId: ID })
      })
    }
  })
})

describe('retryDeadline', () => {
  it('is the time in which an attempt may begin', async () => {
    await using cluster = await fakeCluster(
      { 22: () => {} },
      { retries: 100, retryDeadline: 600, idleTimeout: 400 },
    )
    const error = await rejection<RetryError>(cluster.client.fileInfo(ID))
    expect(error.name).toBe('RetryError')
    expect(error.errors.length).toBeGreaterThanOrEqual(2)
    expect(error.errors.length).toBeLessThanOrEqual(3)
  })

  it.each<[string, Call, number, string | undefined]>([
    ['a question', (client) => client.fileInfo(ID), 22, 'RetryError'],
    [
      'an empty upload, whose outcome nobody knows',
      (client) => client.uploadFile(Buffer.alloc(0)),
      11,
      undefined,
    ],
  ])('ends %s that is made again and gets no answer', async (_, call, command, name) => {
    let asked = 0
    await using cluster = await fakeCluster(
      { [command]: () => (++asked === 1 ? status(16) : undefined) },
      { retries: 5, retryDeadline: 500, idleTimeout: 20_000 },
    )
    const error = await rejection<RetryError>(call(cluster.client))
    expect(error.name).toBe(name ?? 'UnknownOutcomeError')
    const last = name === undefined ? error : error.errors.at(-1)
    expect(last).toMatchObject({ endpoint: cluster.storage.address, phase: 'answer' })
    expect(last?.message).toMatch(/retryDeadline, 500 ms, passed during attempt 2/)
    expect(cluster.commands()).toEqual([command, command])
    // That it took too long for one caller is no failure of the server.
    const facts = cluster.client
      .stats()
      .endpoints.find(({ endpoint }) => endpoint === cluster.storage.address)
    expect(facts).toMatchObject({ connections: 0, inUse: 0, waiting: 0 })
  })

  it('lets content that moves go on', async () => {
    let asked = 0
    await using cluster = await fakeCluster(
      {
        14: (_, socket) => {
          if (++asked === 1) return status(16)
          socket.write(response(CONTENT).subarray(0, 12))
          setTimeout(() => socket.write(response(CONTENT).subarray(12)), 300)
          return undefined
        },
      },
      { retries: 5, retryDeadline: 500, idleTimeout: 20_000 },
    )
    await expect(cluster.client.downloadFile(ID)).resolves.toEqual(CONTENT)
  })

  it('that is over after the first attempt gives its error', async () => {
    await using cluster = await fakeCluster(
      { 22: () => {} },
      { retries: 5, retryDeadline: 1, idleTimeout: 400 },
    )
    await expect(cluster.client.fileInfo(ID)).rejects.toMatchObject({ name: 'TimeoutError', retriable: true })
    expect(cluster.commands()).toEqual([22])
  })
})
