import type { FastDfsError, RetryError } from '../../src/errors.js'
import {
  ConnectError,
  FileNotFoundError,
  InvalidArgumentError,
  UnknownOutcomeError,
} from '../../src/errors.js'
import { Budget } from '../../src/net/budget.js'
import { Call } from '../../src/net/call.js'
import type { Operation, RetryOptions } from '../../src/net/retry.js'
import { retry } from '../../src/net/retry.js'
import { Log } from '../../src/observe/log.js'
import { rejection } from '../client/fakes.js'

const lost = (n: number): ConnectError =>
  new ConnectError(`lost ${n}`, {
    retriable: true,
    command: 'deleteFile',
    endpoint: `10.0.0.${n}:1`,
    status: n,
  })

/** Attempts that fail as told, and then succeed. */
function attempts(...failures: Error[]): { operation: Operation<string>; count: () => number } {
  let count = 0
  return {
    operation: {
      attempt: async () => {
        const failure = failures[count++]
        if (failure !== undefined) throw failure
        return `attempt ${count}`
      },
    },
    count: () => count,
  }
}

const OPTIONS: RetryOptions = {
  retries: 2,
  retryDeadline: 60_000,
  retryBudget: new Budget(),
  onRetry: undefined,
  log: new Log(),
}

describe('pauses', () => {
  it('are random, of twice the length each time, and of 5 s at most', async () => {
    jest.spyOn(Math, 'random').mockReturnValue(0.5)
    const delays: number[] = []
    const call = new Call({})
    jest.spyOn(call, 'sleep').mockImplementation(async (delay) => void delays.push(delay))
    const { operation } = attempts(...Array.from({ length: 9 }, (_, i) => lost(i)))
    await expect(retry({ ...OPTIONS, retries: 9 }, call, operation)).resolves.toBe('attempt 10')
    expect(delays).toEqual([50, 100, 200, 400, 800, 1600, 2500, 2500, 2500])
    jest.restoreAllMocks()
  })
})

describe('retry', () => {
  beforeAll(() => void jest.spyOn(Math, 'random').mockReturnValue(0))
  afterAll(() => jest.restoreAllMocks())

  it.each([0, 1, 2])('gives the success after %d failures', async (failures) => {
    const { operation } = attempts(...Array.from({ length: failures }, (_, i) => lost(i)))
    await expect(retry(OPTIONS, new Call({}), operation)).resolves.toBe(`attempt ${failures + 1}`)
  })

  it.each([0, 1, 2, 7])('makes %d attempts more than one', async (retries) => {
    const errors = Array.from({ length: 20 }, (_, i) => lost(i))
    const { operation, count } = attempts(...errors)
    const error = await rejection<RetryError>(retry({ ...OPTIONS, retries }, new Call({}), operation))
    expect(count()).toBe(retries + 1)
    if (retries === 0) expect(error).toBe(errors[0])
    else {
      expect(error.name).toBe('RetryError')
      expect(error.errors).toEqual(errors.slice(0, retries + 1))
      expect(error.cause).toBe(errors[retries])
      expect(error.message).toBe(
        `all ${retries + 1} attempts failed, the last one: lost ${retries} (deleteFile at 10.0.0.${retries}:1)`,
      )
      expect(error).toMatchObject({ command: 'deleteFile', endpoint: `10.0.0.${retries}:1`, status: retries })
    }
  })

  it.each<[string, FastDfsError]>([
    ['an answer', new FileNotFoundError('no such file', { status: 2 })],
    ['an unknown outcome', new UnknownOutcomeError('lost')],
    ['a wrong argument', new InvalidArgumentError('wrong')],
  ])('gives %s as it is, first or after failures', async (_, final) => {
    for (const failures of [[], [lost(0)], [lost(0), lost(1)]]) {
      const { operation, count } = attempts(...failures, final)
      expect(await rejection(retry(OPTIONS, new Call({}), operation))).toBe(final)
      expect(count()).toBe(failures.length + 1)
    }
  })

  it('gives a mistake in the program as it is, first or after a failure', async () => {
    for (const failures of [[], [lost(0)]]) {
      const mistake = new TypeError('x is not a function')
      const { operation, count } = attempts(...failures, mistake)
      expect(await rejection(retry(OPTIONS, new Call({}), operation))).toBe(mistake)
      expect(count()).toBe(failures.length + 1)
    }
  })

  it('keeps a success that an abort came with', async () => {
    const controller = new AbortController()
    const { operation } = attempts(lost(0))
    const result = retry(OPTIONS, new Call({ signal: controller.signal }), {
      attempt: async () => {
        const value = await operation.attempt()
        controller.abort()
        return value
      },
    })
    await expect(result).resolves.toBe('attempt 2')
  })

  it('ends an attempt that is made again and waits when the deadline passes, and tells of all', async () => {
    const call = new Call({})
    let count = 0
    const error = await rejection<RetryError>(
      retry({ ...OPTIONS, retryDeadline: 30 }, call, {
        attempt: async () => {
          if (++count === 1) throw lost(0)
          return call.wait(new Promise<never>(() => {}))
        },
      }),
    )
    expect(error.name).toBe('RetryError')
    expect(error.errors).toMatchObject([
      { reason: 'lost 0' },
      { name: 'TimeoutError', reason: 'retryDeadline, 30 ms, passed during attempt 2' },
    ])
    expect(count).toBe(2)
    // The call itself is not over.
    expect(call.isOver).toBe(false)
    await expect(call.wait(Promise.resolve('after'))).resolves.toBe('after')
  })

  it('never ends a first attempt, nor one whose content moves', async () => {
    const after = (delay: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, delay))
    const first = new Call({})
    const slow = retry({ ...OPTIONS, retryDeadline: 10 }, first, { attempt: () => first.wait(after(60)) })
    await expect(slow).resolves.toBeUndefined()
    const moving = new Call({})
    let count = 0
    const transfer = retry({ ...OPTIONS, retryDeadline: 30 }, moving, {
      attempt: async () => {
        if (++count === 1) throw lost(0)
        moving.hasMoved = true
        await moving.wait(after(80))
        return 'all of it'
      },
    })
    await expect(transfer).resolves.toBe('all of it')
  })

  it('makes no attempt after which the deadline would have passed', async () => {
    jest.spyOn(Math, 'random').mockReturnValue(1)
    const { operation, count } = attempts(lost(0))
    await expect(retry({ ...OPTIONS, retryDeadline: 90 }, new Call({}), operation)).rejects.toMatchObject({
      reason: 'lost 0',
    })
    expect(count()).toBe(1)
    jest.spyOn(Math, 'random').mockReturnValue(0)
  })

  it('makes no attempt after an abort', async () => {
    const controller = new AbortController()
    let count = 0
    const result = retry(OPTIONS, new Call({ signal: controller.signal }), {
      attempt: async () => {
        count++
        controller.abort()
        throw lost(0)
      },
    })
    expect(await rejection(result)).toMatchObject({ name: 'AbortError' })
    expect(count).toBe(1)
  })
})
