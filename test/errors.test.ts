import * as errors from '../src/errors.js'
import type { ErrorName } from '../src/errors.js'

const { ERROR_CODES, FastDfsError, RetryError, ServerError, locateError, statusToError } = errors

/** Each class: its code and its parent. */
const table: Record<ErrorName, [code: string, parent: string]> = {
  FastDfsError: ['FDFS_ERROR', 'Error'],
  ConfigError: ['FDFS_CONFIG', 'FastDfsError'],
  InvalidArgumentError: ['FDFS_INVALID_ARGUMENT', 'FastDfsError'],
  InvalidFileIdError: ['FDFS_INVALID_FILE_ID', 'InvalidArgumentError'],
  ConnectError: ['FDFS_CONNECT', 'FastDfsError'],
  TimeoutError: ['FDFS_TIMEOUT', 'FastDfsError'],
  AbortError: ['FDFS_ABORTED', 'FastDfsError'],
  ClosedError: ['FDFS_CLOSED', 'FastDfsError'],
  PoolTimeoutError: ['FDFS_POOL_TIMEOUT', 'FastDfsError'],
  ProtocolError: ['FDFS_PROTOCOL', 'FastDfsError'],
  LocalIoError: ['FDFS_LOCAL_IO', 'FastDfsError'],
  ServerError: ['FDFS_SERVER', 'FastDfsError'],
  FileNotFoundError: ['FDFS_FILE_NOT_FOUND', 'ServerError'],
  FileExistsError: ['FDFS_FILE_EXISTS', 'ServerError'],
  NoSpaceError: ['FDFS_NO_SPACE', 'ServerError'],
  NotSupportedError: ['FDFS_NOT_SUPPORTED', 'ServerError'],
  IntegrityError: ['FDFS_INTEGRITY', 'FastDfsError'],
  UnknownOutcomeError: ['FDFS_UNKNOWN_OUTCOME', 'FastDfsError'],
  RetryError: ['FDFS_RETRY', 'FastDfsError'],
}

type Module = typeof errors
type AnyClass = new (message: string, details?: object) => errors.FastDfsError

const names = Object.keys(table) as ErrorName[]
const classOf = (name: ErrorName, from: Module = errors): AnyClass => from[name] as unknown as AnyClass
const make = (name: ErrorName, from?: Module, details: object = {}): errors.FastDfsError =>
  new (classOf(name, from))('it failed', { errors: [], ...details })

/** The names of a class and those above it, as the table has them. */
function lineage(name: ErrorName): string[] {
  const parent = table[name][1]
  return parent === 'Error' ? [name] : [name, ...lineage(parent as ErrorName)]
}

function secondCopy(): Module {
  let copy: Module | undefined
  jest.isolateModules(() => {
    copy = jest.requireActual<Module>('../src/errors.js')
  })
  return copy as Module
}

describe('the table of codes', () => {
  it('holds every exported class and nothing else', () => {
    const exported = Object.entries(errors)
      .filter(([, value]) => typeof value === 'function' && Object.hasOwn(value, 'errorName'))
      .map(([name]) => name)
    expect(exported.sort()).toEqual([...names].sort())
    expect(Object.keys(ERROR_CODES).sort()).toEqual([...names].sort())
  })

  it('has each code once', () => {
    expect(new Set(Object.values(ERROR_CODES)).size).toBe(names.length)
  })

  it.each(names)('%s has its code, name and parent', (name) => {
    const [code, parent] = table[name]
    const error = make(name)
    expect(ERROR_CODES[name]).toBe(code)
    expect(error.code).toBe(code)
    expect(error.name).toBe(name)
    expect(error.retriable).toBe(false)
    expect(error).toBeInstanceOf(Error)
    expect((Object.getPrototypeOf(classOf(name)) as { name: string }).name).toBe(parent)
    expect(error.stack).toContain('errors.test.ts')
    expect(String(error)).toBe(`${name}: it failed`)
  })
})

describe('instanceof', () => {
  const copy = secondCopy()

  it('has two copies to compare', () => {
    expect(copy.FastDfsError).not.toBe(FastDfsError)
  })

  it.each(names)('tells %s by its lineage, from both copies', (name) => {
    for (const [made, asked] of [
      [errors, errors],
      [copy, errors],
      [errors, copy],
    ] as const) {
      const error = make(name, made)
      const matches = names.filter((other) => error instanceof classOf(other, asked))
      expect(matches.sort()).toEqual(lineage(name).sort())
      expect(asked.isFastDfsError(error)).toBe(true)
    }
  })

  it.each([
    ['undefined', undefined],
    ['null', null],
    ['a text', 'FDFS_ERROR'],
    ['an Error', new Error('x')],
    ['an object with a code', { code: 'FDFS_ERROR', name: 'FastDfsError' }],
    ['a function', () => {}],
  ])('does not take %s for one of ours', (_, value) => {
    expect(value instanceof FastDfsError).toBe(false)
    expect(errors.isFastDfsError(value)).toBe(false)
  })

  it('works with classes that users derive', () => {
    class MissingPhoto extends errors.FileNotFoundError {}
    const photo = new MissingPhoto('no photo')
    expect(photo).toBeInstanceOf(MissingPhoto)
    expect(photo).toBeInstanceOf(errors.FileNotFoundError)
    expect(photo).toBeInstanceOf(ServerError)
    expect(photo).toBeInstanceOf(copy.ServerError)
    expect(photo).not.toBeInstanceOf(errors.NoSpaceError)
    expect(make('FileNotFoundError')).not.toBeInstanceOf(MissingPhoto)
    expect(photo.code).toBe('FDFS_FILE_NOT_FOUND')
  })
})

describe('messages', () => {
  it.each([
    [{}, 'it failed'],
    [{ command: 'deleteFile' }, 'it failed (deleteFile)'],
    [{ endpoint: '10.0.0.1:23000' }, 'it failed (at 10.0.0.1:23000)'],
    [{ fileId: 'group1/M00/x' }, 'it failed (for group1/M00/x)'],
    [
      { command: 'deleteFile', endpoint: '[::1]:23000', fileId: 'group1/M00/x' },
      'it failed (deleteFile at [::1]:23000 for group1/M00/x)',
    ],
  ])('tell where: %j', (details, message) => {
    const error = new FastDfsError('it failed', details)
    expect(error.message).toBe(message)
    expect(error.reason).toBe('it failed')
    expect(error).toMatchObject(details)
  })

  it('have a cause only where there is one', () => {
    const cause = new Error('ECONNRESET')
    expect(new FastDfsError('x', { cause }).cause).toBe(cause)
    expect(Object.hasOwn(new FastDfsError('x'), 'cause')).toBe(false)
  })
})

describe('RetryError', () => {
  it('holds all errors, the last of them as its cause', () => {
    const attempts = [make('ConnectError'), make('TimeoutError')]
    const error = new RetryError('both failed', { errors: attempts })
    expect(error.errors).toEqual(attempts)
    expect(error.cause).toBe(attempts[1])
  })
})

describe('statusToError', () => {
  const ofClass: Record<number, ErrorName> = {
    2: 'FileNotFoundError',
    17: 'FileExistsError',
    28: 'NoSpaceError',
    95: 'NotSupportedError',
  }
  const symbols: Record<number, string> = {
    2: 'ENOENT',
    5: 'EIO',
    11: 'EAGAIN',
    13: 'EACCES',
    14: 'EFAULT',
    16: 'EBUSY',
    17: 'EEXIST',
    21: 'EISDIR',
    22: 'EINVAL',
    28: 'ENOSPC',
    36: 'ENAMETOOLONG',
    64: 'ENONET',
    95: 'EOPNOTSUPP',
    110: 'ETIMEDOUT',
    114: 'EALREADY',
  }

  it('knows all numbers of the table', () => {
    expect(Object.entries(errors.STATUS)).toEqual(
      expect.arrayContaining(Object.entries(symbols).map(([number, name]) => [name, Number(number)])),
    )
    expect(Object.keys(errors.STATUS)).toHaveLength(Object.keys(symbols).length + 1)
  })

  it.each(Array.from({ length: 255 }, (_, i) => i + 1))('%d', (number) => {
    const error = statusToError(number, { command: 'deleteFile', endpoint: '10.0.0.1:1', fileId: 'f' })
    expect(error.name).toBe(ofClass[number] ?? 'ServerError')
    expect(error).toBeInstanceOf(ServerError)
    expect(error).toMatchObject({
      status: number,
      command: 'deleteFile',
      endpoint: '10.0.0.1:1',
      fileId: 'f',
    })
    expect(error.retriable).toBe(number === 11 || number === 16)
    const symbol = symbols[number]
    expect(error.reason).toMatch(
      symbol === undefined
        ? new RegExp(`^the server answered with an error: status ${number}$`)
        : new RegExp(`^(?!the server answered).+: status ${number} ${symbol}$`),
    )
  })
})

describe('locateError', () => {
  it.each(names)('keeps class, code, reason, cause and stack of %s', (name) => {
    const cause = new Error('why')
    const attempts = [make('ConnectError', errors, { cause })]
    const error = make(name, errors, { cause, errors: attempts, status: 28, retriable: true })
    const located = locateError(error, { command: 'uploadFile', endpoint: '10.0.0.1:1', fileId: 'f' })
    expect(located).toBeInstanceOf(classOf(name))
    expect(located.name).toBe(name)
    expect(located.reason).toBe('it failed')
    expect(located.message).toBe('it failed (uploadFile at 10.0.0.1:1 for f)')
    expect(located).toMatchObject({ command: 'uploadFile', endpoint: '10.0.0.1:1', fileId: 'f' })
    expect(located).toMatchObject({ code: error.code, status: 28, retriable: true })
    expect(located.cause).toBe(name === 'RetryError' ? attempts[0] : cause)
    expect((located as errors.RetryError).errors).toEqual(name === 'RetryError' ? attempts : undefined)
    expect(located.stack?.split('\n').slice(1)).toEqual(error.stack?.split('\n').slice(1))
    expect(located.stack?.split('\n')[0]).toContain('it failed (uploadFile at 10.0.0.1:1 for f)')
  })

  it('leaves what the error knew already, but for retriable', () => {
    const error = new errors.ConnectError('lost', {
      command: 'queryStore',
      endpoint: 'a:1',
      fileId: 'f',
      retriable: true,
    })
    const located = locateError(error, { command: 'x', endpoint: 'b:2', fileId: 'g', retriable: false })
    expect(located).toMatchObject({ command: 'queryStore', endpoint: 'a:1', fileId: 'f', retriable: false })
  })

  it('takes the texts as they are', () => {
    const error = new errors.LocalIoError("cannot read $& $' $`")
    expect(locateError(error, { endpoint: '$&:1' }).stack?.split('\n')[0]).toBe(
      "LocalIoError: cannot read $& $' $` (at $&:1)",
    )
  })

  it('locates an error of another copy', () => {
    const located = locateError(make('NoSpaceError', secondCopy(), { status: 28 }), { endpoint: 'a:1' })
    expect(located).toBeInstanceOf(errors.NoSpaceError)
    expect(located).toMatchObject({ status: 28, endpoint: 'a:1' })
  })
})
