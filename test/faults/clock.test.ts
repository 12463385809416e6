import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { connect, createServer } from 'node:net'
import { startTimer } from '../../src/server/clock.js'
import { Clock } from './clock.js'
import { StuckPort } from './stuck.js'

const after = (delay: number): Promise<string> =>
  new Promise((resolve) => void setTimeout(() => resolve(`${delay} ms`), delay))

it('time passes at once where nothing else can happen', async () => {
  await using clock = await Clock.install()
  const beganAt = Date.now()
  expect(await clock.drive(after(600_000))).toBe('600000 ms')
  expect(clock.now).toBe(600_000)
  expect(performance.now()).toBe(600_000)
  expect(Date.now() - beganAt).toBeLessThan(30_000)
})

it('time stands still while bytes are on their way, and files are read', async () => {
  await using clock = await Clock.install()
  const echo = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1')
  await once(echo, 'listening')
  const socket = connect((echo.address() as AddressInfo).port, '127.0.0.1')
  const rounds = async (): Promise<string> => {
    for (let i = 0; i < 20; i++) {
      socket.write('x')
      await once(socket, 'data')
      await readFile(__filename)
    }
    return 'all rounds'
  }
  expect(await clock.drive(Promise.race([rounds(), after(1)]))).toBe('all rounds')
  expect(clock.now).toBe(0)
  socket.destroy()
  echo.close()
  await once(echo, 'close')
})

it('time stands still while something is held, though it waits for the time of the machine', async () => {
  await using clock = await Clock.install()
  const held = clock.hold(new Promise<void>((resolve) => void startTimer(50, resolve).ref()))
  await clock.drive(Promise.race([held, after(1)]))
  expect(clock.now).toBe(0)
})

it('a stuck port takes no connection, and ends', async () => {
  const stuck = await StuckPort.open()
  await using clock = await Clock.install()
  const socket = connect(stuck.port, '127.0.0.2')
  const ended = once(socket, 'connect').catch(() => 'lost')
  expect(await clock.drive(Promise.race([ended, after(100)]))).toBe('100 ms')
  await stuck[Symbol.asyncDispose]()
  expect(await ended).toBe('lost')
})
