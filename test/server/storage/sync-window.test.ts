import { ConfigError } from '../../../src/errors.js'
import { MemoryStore, Storage, Tracker } from '../../../src/server/index.js'
import { syncWindow } from '../../../src/server/storage/sync-window.js'
import { GROUP, nameIn, uploadBody } from '../group.js'
import { bytes, RawClient } from '../raw.js'

const at = (hours: number, minutes: number, seconds = 0): number =>
  new Date(2026, 10, 22, hours, minutes, seconds).getTime()

it.each([
  ['00:00', '23:59', ['00:00', '12:00', '23:59'], []],
  ['22:00', '23:30', ['22:00', '23:30'], ['21:59', '23:31', '00:00']],
  ['22:00', '6:30', ['22:00', '00:00', '06:30'], ['06:31', '12:00', '21:59']],
  ['7:05', '7:05', ['07:05'], ['07:04', '07:06']],
])('from %s to %s are %j and not %j', (start, end, inside, outside) => {
  let time = 0
  const isTime = syncWindow(start, end, { now: () => time, randomBelow: () => 0 })
  for (const text of [...inside, ...outside]) {
    const [hours = 0, minutes = 0] = text.split(':').map(Number)
    time = at(hours, minutes, 59)
    expect([text, isTime()]).toEqual([text, inside.includes(text)])
  }
})

it.each(['24:00', '7', '7:60', '', 'noon'])('%j is no time', (text) => {
  expect(() => syncWindow(text, '23:59', { now: Date.now, randomBelow: () => 0 })).toThrow(
    `syncStartTime must be a time from 00:00 to 23:59, not "${text}"`,
  )
  expect(() => syncWindow('00:00', text, { now: Date.now, randomBelow: () => 0 })).toThrow(ConfigError)
})

it('tells other storages of nothing but at its time', async () => {
  let time = at(12, 0)
  const tracker = new Tracker()
  await tracker.start()
  const storages = [100001, 100002].map(
    (id) =>
      new Storage({
        group: 'group1',
        id,
        trackers: [{ host: '127.0.0.1', port: tracker.port }],
        store: new MemoryStore(),
        clock: { now: () => time, randomBelow: (limit) => Math.floor(Math.random() * limit) },
        syncStartTime: '11:00',
        syncEndTime: '13:00',
      }),
  )
  const [first, second] = storages as [Storage, Storage]
  for (const storage of storages) {
    await storage.start()
    await storage.whenActive()
  }
  const ask = async (storage: Storage, command: number, body: Buffer) => {
    const client = await RawClient.connect(storage.port)
    const answer = await client.ask(command, body)
    client.close()
    return answer
  }
  const has = async (name: string): Promise<boolean> =>
    (await ask(second, 22, bytes(GROUP, name))).status === 0

  const early = nameIn(await ask(first, 11, uploadBody('in time')))
  await first.replicate()
  expect(await has(early)).toBe(true)
  time = at(13, 1)
  const late = nameIn(await ask(first, 11, uploadBody('late')))
  await first.replicate()
  expect(await has(late)).toBe(false)
  time = at(11, 0) + 24 * 60 * 60 * 1000
  await first.replicate()
  expect(await has(late)).toBe(true)
  for (const storage of storages) await storage.stop()
  await tracker.stop()
})
