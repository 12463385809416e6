import { getEventListeners } from 'node:events'
import { InvalidArgumentError } from '../../src/errors.js'
import { Call } from '../../src/net/call.js'
import { deferred, rejection } from '../client/fakes.js'
import { watchHandles } from '../support/handles.js'

const never = new Promise<never>(() => {})

describe('a call', () => {
  it('without limits waits for a promise as it is', async () => {
    const call = new Call({})
    expect(call.remaining).toBe(Infinity)
    expect(() => call.check()).not.toThrow()
    await expect(call.wait(Promise.resolve(5))).resolves.toBe(5)
    const error = new InvalidArgumentError('x')
    await expect(call.wait(Promise.reject(error))).rejects.toBe(error)
  })

  it('passes on what comes in time, and leaves no timer and no listener', async () => {
    using timers = watchHandles('Timeout')
    const { signal } = new AbortController()
    const call = new Call({ signal, timeout: 10_000 })
    await expect(call.wait(Promise.resolve(5))).resolves.toBe(5)
    const error = new InvalidArgumentError('x')
    await expect(call.wait(Promise.reject(error))).rejects.toBe(error)
    await call.sleep(1)
    expect(await timers.left()).toEqual([])
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })

  it('gives up in time, and hands on what comes too late', async () => {
    const gate = deferred<string>()
    const late = deferred<string>()
    const call = new Call({ timeout: 20 })
    await expect(call.wait(gate.promise, late.resolve)).rejects.toMatchObject({
      name: 'TimeoutError',
      reason: 'the call did not end within 20 ms',
    })
    gate.resolve('late')
    expect(await late.promise).toBe('late')
    expect(call.remaining).toBe(0)
    expect(() => call.check()).toThrow('the call did not end within 20 ms')
  })

  it('that rejects too late is not an unhandled rejection', async () => {
    const unhandled = jest.fn()
    process.on('unhandledRejection', unhandled)
    let fail: (error: Error) => void = () => {}
    const promise = new Promise((_, reject) => (fail = reject))
    await rejection(new Call({ timeout: 5 }).wait(promise))
    fail(new Error('late'))
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', unhandled)
    expect(unhandled).not.toHaveBeenCalled()
  })

  it('ends with its signal, before and while it waits', async () => {
    using timers = watchHandles('Timeout')
    const controller = new AbortController()
    const call = new Call({ signal: controller.signal })
    const waiting = rejection(call.wait(never))
    const sleeping = rejection(call.sleep(10_000))
    controller.abort('enough')
    expect(await waiting).toMatchObject({ name: 'AbortError', cause: 'enough' })
    expect(await sleeping).toMatchObject({ name: 'AbortError', cause: 'enough' })
    expect(await timers.left()).toEqual([])
    await expect(call.wait(never)).rejects.toMatchObject({ name: 'AbortError' })
    expect(() => call.check()).toThrow('the call was aborted')
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
  })
})
