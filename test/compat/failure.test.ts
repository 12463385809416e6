/** What fdfs_client-py says when something goes wrong that no healthy cluster answers. */
import { DataError, FDFSError, Fdfs_client } from '../../src/compat/index.js'
import { DELETING, DOWNLOADING, READING_METADATA, translate, USUAL } from '../../src/compat/failure.js'
import type { FastDfsError } from '../../src/errors.js'
import {
  ConnectError,
  IntegrityError,
  InvalidFileIdError,
  isFastDfsError,
  LocalIoError,
  PoolTimeoutError,
  ProtocolError,
  RetryError,
  ServerError,
  TimeoutError,
  UnknownOutcomeError,
} from '../../src/errors.js'
import { fakeServer, fakeTracker, header, response } from '../support/fake-server.js'

const ID = 'group1/M00/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt'
const system = (code: string): Error => Object.assign(new Error(code), { code })
const at = { endpoint: '10.0.0.1:22122', retriable: true }
const during = { ...at, command: 'deleteFile' }

describe('the exception for an error', () => {
  it.each<[string, FastDfsError, string, string]>([
    [
      'no connection',
      new ConnectError('cannot connect', { ...at, cause: system('ECONNREFUSED') }),
      'ConnectionError',
      '[-] Error: 111 connect to 10.0.0.1:22122. Connection refused.',
    ],
    [
      'an unknown host',
      new ConnectError('cannot connect', { ...at, cause: system('ENOTFOUND') }),
      'ConnectionError',
      '[-] Error: -2 connect to 10.0.0.1:22122. Name or service not known.',
    ],
    [
      'no connection in time',
      new TimeoutError('no connection within 5000 ms', at),
      'ConnectionError',
      '[-] Error: connect to 10.0.0.1:22122. timed out.',
    ],
    [
      'no answer in time',
      new TimeoutError('no byte moved', during),
      'ConnectionError',
      "[-] Error: while reading from socket: ('timed out',)",
    ],
    [
      'a connection that was closed',
      new ConnectError('the server closed the connection', during),
      'ConnectionError',
      'Socket closed on remote end',
    ],
    [
      'a connection that was reset',
      new ConnectError('connection lost', { ...during, cause: system('ECONNRESET') }),
      'ConnectionError',
      "[-] Error: while reading from socket: (104, 'Connection reset by peer')",
    ],
    [
      'a connection that broke in a request',
      new ConnectError('connection lost', { ...during, cause: system('EPIPE') }),
      'ConnectionError',
      "[-] Error: while writting to socket: (32, 'Broken pipe')",
    ],
    [
      'a lost answer',
      new UnknownOutcomeError('lost', {
        cause: new ConnectError('the server closed the connection', during),
      }),
      'ConnectionError',
      'Socket closed on remote end',
    ],
    [
      'several attempts',
      new RetryError('all failed', {
        errors: [
          new TimeoutError('no byte moved', during),
          new ServerError('busy', { ...during, status: 11 }),
        ],
      }),
      'DataError',
      '[-] Error: 11, Resource temporarily unavailable',
    ],
    [
      'a full pool',
      new PoolTimeoutError('no connection'),
      'ConnectionError',
      '[-] Error: Too many connections.',
    ],
    ['wrong bytes', new ProtocolError('3 bytes left'), 'ResponseError', '[-] Error: 3 bytes left'],
    ['damaged content', new IntegrityError('CRC32 differs'), 'DataError', '[-] Error: CRC32 differs'],
    [
      'a local file that cannot be read',
      new LocalIoError('read failed', { cause: system('EIO') }),
      'DataError',
      "[-] Error while reading local file(5, 'Input/output error').",
    ],
    ['a wrong ID', new InvalidFileIdError('too short'), 'DataError', 'Error: 22, Invalid argument'],
  ])('of %s is %s with the text of Python', (_, error, name, message) => {
    const translated = translate(error, USUAL) as FDFSError
    expect(translated).toBeInstanceOf(FDFSError)
    expect({ name: translated.name, message: translated.message }).toEqual({ name, message })
    expect(translated.cause).toBe(error)
  })

  it.each([
    [USUAL, 'deleteFile', '[-] Error: 28, No space left on device'],
    [DELETING, 'deleteFile', 'Error: 28, No space left on device'],
    [DOWNLOADING, 'downloadFile', 'Error: 28 No space left on device'],
    [READING_METADATA, 'getMetadata', '[-] Error:28, No space left on device'],
    [USUAL, 'queryUpdate', 'Error: 28, No space left on device'],
    [DOWNLOADING, 'queryFetchOne', 'Error: 28, No space left on device'],
    [USUAL, 'queryStoreWithoutGroupOne', '[-] Error: 28, No space left on device'],
  ])('of a refusal has the form of %j for %s', (wording, command, text) => {
    const error = translate(new ServerError('full', { command, status: 28 }), wording) as DataError
    expect(error).toBeInstanceOf(DataError)
    expect(error.message).toBe(text)
  })

  it('says of a local file that it cannot be written, in downloads', () => {
    const error = new LocalIoError('write failed', { cause: system('ENOSPC') })
    expect((translate(error, DOWNLOADING) as DataError).message).toBe(
      "[-] Error: while writting local file(28, 'No space left on device').",
    )
  })

  it('is the error itself where that is a mistake in the call', () => {
    const mistake = new TypeError('x is not a function')
    expect(translate(mistake, USUAL)).toBe(mistake)
  })
})

describe('a call', () => {
  it('says which tracker could not be reached', async () => {
    const gone = await fakeServer(() => undefined)
    await gone[Symbol.asyncDispose]()
    const client = new Fdfs_client({ host_tuple: [['127.0.0.1', gone.port]], timeout: 1 }, { retries: 0 })
    const error = await client.delete_file(ID).catch((e: Error) => e)
    expect(error).toMatchObject({
      name: 'ConnectionError',
      message: `[-] Error: 111 connect to 127.0.0.1:${gone.port}. Connection refused.`,
    })
    expect(isFastDfsError((error as Error).cause)).toBe(true)
    await client.close()
  })

  it('says that a storage closed the connection', async () => {
    await using storage = await fakeServer((_, socket) => void socket.end())
    await using tracker = await fakeTracker(storage.port)
    const client = new Fdfs_client({ host_tuple: [['127.0.0.1', tracker.port]], timeout: 5 }, { retries: 0 })
    await expect(client.delete_file(ID)).rejects.toMatchObject({
      name: 'ConnectionError',
      message: 'Socket closed on remote end',
    })
    await client.close()
  })

  it('says that a storage closed the connection in the middle of a file', async () => {
    await using storage = await fakeServer(
      (_, socket) => void socket.end(Buffer.concat([header(13), Buffer.from('some')])),
    )
    await using tracker = await fakeTracker(storage.port)
    const client = new Fdfs_client({ host_tuple: [['127.0.0.1', tracker.port]], timeout: 5 }, { retries: 0 })
    await expect(client.download_to_buffer(ID)).rejects.toMatchObject({
      name: 'ConnectionError',
      message: 'Socket closed on remote end',
    })
    await client.close()
  })

  it('says that the answer of a tracker cannot be read', async () => {
    await using tracker = await fakeServer(() => response(Buffer.alloc(7)))
    const client = new Fdfs_client({ host_tuple: [['127.0.0.1', tracker.port]], timeout: 5 }, { retries: 0 })
    await expect(client.upload_by_buffer('some text')).rejects.toMatchObject({ name: 'ResponseError' })
    await client.close()
  })

  it.each([undefined, 5])(
    'with an argument of a wrong type, %p, is a TypeError, as in Python',
    async (wrong) => {
      const client = new Fdfs_client({ host_tuple: ['127.0.0.1'], timeout: 1 })
      await expect(client.delete_file(wrong as unknown as string)).rejects.toMatchObject({
        name: 'TypeError',
      })
      await expect(client.upload_by_filename(wrong as unknown as string)).rejects.toMatchObject({
        name: 'TypeError',
      })
      await client.close()
    },
  )
})
