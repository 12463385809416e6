/** Sources that give too little, too much or something else, or fail, at any byte: nothing is left of them anywhere. */
import { Readable } from 'node:stream'
import type { FastDfsClient } from '../../../src/index.js'
import { rejection } from '../fakes.js'
import { nothing } from './operations.js'
import { BEFORE, CONTENT, LARGE, World } from './world.js'

let world: World

beforeAll(async () => {
  world = await World.open()
})
afterEach(() => world.restore())
afterAll(() => world[Symbol.asyncDispose]())

type Send = (client: FastDfsClient, source: Readable, size: number | undefined) => Promise<unknown>

const sends: Record<string, Send> = {
  uploadFile: (client, source, size) => client.uploadFile(source, { size }),
  'uploadFile, as its slave': (client, source, size) =>
    client.uploadFile(CONTENT, { metadata: { a: '1' }, slaves: [{ prefix: '_a', source, size }] }),
  uploadAppenderFile: (client, source, size) => client.uploadAppenderFile(source, { size }),
  uploadSlaveFile: (client, source, size) =>
    client.uploadSlaveFile(world.ids.normal, source, { prefix: '_a', size }),
  appendFile: (client, source, size) => client.appendFile(world.ids.appender, source, { size }),
}

/** What is wrong with a source: it gives `given` bytes and then what `end` gives, where `size` are announced. */
interface Fault {
  given: (at: number) => number
  end?: () => unknown
  size: (at: number) => number | undefined
  error: string
}

const fail = (): never => {
  throw new Error('boom')
}
const faults: Record<string, Fault> = {
  'ends a byte early': { given: (at) => at, size: (at) => at + 1, error: 'InvalidArgumentError' },
  'ends far too early': { given: (at) => at, size: (at) => at + 3_000_000, error: 'InvalidArgumentError' },
  'goes on for a byte': { given: (at) => at + 1, size: (at) => at, error: 'InvalidArgumentError' },
  'goes on for long': { given: (at) => at + 500_000, size: (at) => at, error: 'InvalidArgumentError' },
  'fails on the way': { given: (at) => at, end: fail, size: (at) => at + 1_000, error: 'LocalIoError' },
  'fails at its end': { given: (at) => at, end: fail, size: (at) => at, error: 'LocalIoError' },
  'fails, of unknown size': { given: (at) => at, end: fail, size: () => undefined, error: 'LocalIoError' },
  'gives what are no bytes': {
    given: (at) => at,
    end: () => ({ length: 4 }),
    size: (at) => at + 4,
    error: 'InvalidArgumentError',
  },
}

/** Nothing; a byte; what a server takes in one piece, and more; more than one piece of the client's. */
const PLACES = [0, 1, 65_521, BEFORE.length, 2_100_000]

describe.each(Object.entries(faults))('a source that %s', (_, { given, end, size, error }) => {
  async function* pieces(at: number, onEnd: () => void): AsyncGenerator<unknown> {
    try {
      for (let start = 0; start < given(at); start += 30_011) {
        yield LARGE.subarray(start, Math.min(start + 30_011, given(at)))
      }
      const last = end?.()
      if (last !== undefined) yield last
    } finally {
      onEnd()
    }
  }

  it.each(Object.entries(sends))('leaves nothing of %s behind', async (__, send) => {
    for (const at of PLACES) {
      await using client = world.client()
      world.proxy.reset(undefined)
      let isEnded = false
      const source = Readable.from(pieces(at, () => (isEnded = true)))
      expect(await rejection(send(client, source, size(at)))).toMatchObject({ name: error })
      expect([isEnded, source.destroyed]).toEqual([true, true])
      await client.ping()
      await world.close(client)
      await world.quiet()
      expect(world.leaked()).toEqual([])
      expect(world.local()).toEqual([])
      expect(nothing(world.difference())).toBe(true)
    }
  })
})

it('a source of unknown size that fails after it was given a temporary file leaves none', async () => {
  await using client = world.client()
  world.proxy.reset(undefined)
  async function* pieces(): AsyncGenerator<Buffer> {
    yield LARGE
    yield Promise.resolve(Buffer.alloc(100_000))
    fail()
  }
  expect(await rejection(client.uploadFile(pieces()))).toMatchObject({ name: 'LocalIoError' })
  expect(world.proxy.passages).toHaveLength(0)
  await world.quiet()
  expect([world.leaked(), world.local(), nothing(world.difference())]).toEqual([[], [], true])
})
