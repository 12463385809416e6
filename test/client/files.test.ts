/** Deleting, asking about a file, and metadata, down to the bytes (protocol.md §3.3, §3.5, §3.6). */
import type { FastDfsClient } from '../../src/index.js'
import { field, header, int64, response } from '../support/fake-server.js'
import type { Answers } from './fakes.js'
import { fakeCluster, ID, info, NAME, status } from './fakes.js'

const FILE = Buffer.concat([field('group1', 16), Buffer.from(NAME)]).toString('hex')
const QUERY = { fetch: `000000000000003c6600${FILE}`, update: `000000000000003c6700${FILE}` }

/** A method: what it asks the tracker and the storage, what the storage answers, and what it gives. */
interface Exchange {
  call: (client: FastDfsClient) => Promise<unknown>
  query: string | string[]
  requests: string[]
  answers: Answers
  result: unknown
}

const setMetadata = (metadata: string): string =>
  Buffer.concat([
    header(33 + 44 + Buffer.byteLength(metadata), 13),
    int64(44),
    int64(Buffer.byteLength(metadata)),
    Buffer.from('O'),
    Buffer.from(FILE, 'hex'),
    Buffer.from(metadata),
  ]).toString('hex')

const exchanges: Record<string, Exchange> = {
  deleteFile: {
    call: (client) => client.deleteFile(ID),
    query: QUERY.update,
    requests: [`000000000000003c0c00${FILE}`],
    answers: {},
    result: undefined,
  },
  fileInfo: {
    call: (client) => client.fileInfo(ID),
    query: QUERY.fetch,
    requests: [`000000000000003c1600${FILE}`],
    answers: {},
    result: {
      size: 13,
      modifiedAt: new Date('2026-11-22T04:23:19Z'),
      crc32: 0xc4581f24,
      sourceIp: '10.77.0.12',
    },
  },
  'fileInfo of an unknown source, in the wide layout': {
    call: (client) => client.fileInfo(ID),
    query: QUERY.fetch,
    requests: [`000000000000003c1600${FILE}`],
    answers: { 22: response(Buffer.concat([info(2 ** 40).subarray(0, 24), Buffer.alloc(46)])) },
    result: expect.objectContaining({ size: 2 ** 40, sourceIp: undefined }),
  },
  getMetadata: {
    call: (client) => client.getMetadata(ID),
    query: QUERY.update,
    requests: [`000000000000003c0f00${FILE}`],
    answers: { 15: response(Buffer.from('a\x02b \u00e9\x01width\x021024\x01empty\x02')) },
    result: { a: 'b é', width: '1024', empty: '' },
  },
  'getMetadata of a file without any': {
    call: (client) => client.getMetadata(ID),
    // "No metadata" and "no file" are the same status: whether there is a file is another question.
    query: [QUERY.update, QUERY.fetch],
    requests: [`000000000000003c0f00${FILE}`, `000000000000003c1600${FILE}`],
    answers: { 15: status(2) },
    result: {},
  },
  'getMetadata that holds nothing': {
    call: (client) => client.getMetadata(ID),
    query: QUERY.update,
    requests: [`000000000000003c0f00${FILE}`],
    answers: { 15: header(0) },
    result: {},
  },
  setMetadata: {
    call: (client) => client.setMetadata(ID, { width: '1024', a: 'é' }),
    query: QUERY.update,
    requests: [setMetadata('width\x021024\x01a\x02é')],
    answers: {},
    result: undefined,
  },
  'setMetadata to nothing': {
    call: (client) => client.setMetadata(ID, {}),
    query: QUERY.update,
    requests: [setMetadata('')],
    answers: {},
    result: undefined,
  },
  'setMetadata to the most that an item may hold': {
    call: (client) => client.setMetadata(ID, { ['n'.repeat(64)]: 'v'.repeat(256) }),
    query: QUERY.update,
    requests: [setMetadata(`${'n'.repeat(64)}\x02${'v'.repeat(256)}`)],
    answers: {},
    result: undefined,
  },
}

it.each(Object.entries(exchanges))('%s', async (_, { call, query, requests, answers, result }) => {
  await using cluster = await fakeCluster(answers)
  expect(await call(cluster.client)).toEqual(result)
  expect(cluster.tracker.requests.map((request) => request.toString('hex'))).toEqual([query].flat())
  expect(cluster.storage.requests.map((request) => request.toString('hex'))).toEqual(requests)
  // Another call uses the same connections.
  await call(cluster.client)
  expect(cluster.tracker.connections).toHaveLength(1)
  expect(cluster.storage.connections).toHaveLength(1)
})

describe.each(Object.entries(exchanges).filter(([name]) => !name.includes(' ')))(
  '%s that is refused',
  (name, { call }) => {
    const command = { getMetadata: 'getMetadata', fileInfo: 'queryFileInfo' }[name] ?? name
    const everything = (answer: Buffer): Answers => ({ 12: answer, 13: answer, 15: answer, 22: answer })

    it.each([
      [2, 'FileNotFoundError', 1],
      [5, 'ServerError', 1],
      [22, 'ServerError', 2],
      [95, 'NotSupportedError', 1],
    ])('with status %d is a %s', async (number, error, connections) => {
      await using cluster = await fakeCluster(everything(status(number)))
      for (let i = 0; i < 2; i++) {
        await expect(call(cluster.client)).rejects.toMatchObject({
          name: error,
          status: number,
          // That there is no file is what the storage says when asked about it.
          command: number === 2 && name === 'getMetadata' ? 'queryFileInfo' : command,
          endpoint: cluster.storage.address,
          fileId: ID,
          retriable: false,
        })
      }
      // A storage closes after 22.
      expect(cluster.storage.connections).toHaveLength(connections)
    })

    it('with a body beside the status is the same, and the connection is used again', async () => {
      await using cluster = await fakeCluster(everything(response(Buffer.from('no such thing'), 5)))
      for (let i = 0; i < 2; i++) await expect(call(cluster.client)).rejects.toMatchObject({ status: 5 })
      expect(cluster.storage.connections).toHaveLength(1)
    })
  },
)

describe('metadata that is not what the protocol allows', () => {
  it.each([
    ['without a separator', Buffer.from('abc')],
    ['not UTF-8', Buffer.from('61 02 ff fe'.replaceAll(' ', ''), 'hex')],
  ])('%s is a ProtocolError', async (_, bytes) => {
    await using cluster = await fakeCluster({ 15: response(bytes) })
    await expect(cluster.client.getMetadata(ID)).rejects.toMatchObject({ name: 'ProtocolError', fileId: ID })
  })
})
