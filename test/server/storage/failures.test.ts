/** What all members of a group hold where a step of a change fails at one of them. */
import type { Edit, Store } from '../../../src/server/index.js'
import { appendBody, GROUP, metadataBody, nameIn, TestGroup, truncateBody, uploadBody } from '../group.js'
import { bytes, packet, RawClient } from '../raw.js'

let group: TestGroup

beforeEach(async () => {
  group = new TestGroup()
  await group.start(1, 2)
})

afterEach(() => group.stop())

const failure = (code: string): Error => Object.assign(new Error(code), { code })

/** Makes the next calls of a method fail; gives how many have. */
function fail<T extends object>(target: T, method: keyof T & string, code: string, times = 1): () => number {
  const own = target[method] as (...args: unknown[]) => unknown
  let failed = 0
  Object.assign(target, {
    [method](...args: unknown[]): unknown {
      if (failed === times) return own.apply(target, args)
      failed++
      throw failure(code)
    },
  })
  return () => failed
}

async function binlogOf(index: number): Promise<object> {
  return (group.stores[index] as Store).own.log('sync/binlog.000')
}

/** Resolves when both hold a file alike, and the one where a step failed has told of it. */
async function untilAlike(name: string, expected: string | undefined): Promise<void> {
  for (;;) {
    const held = await Promise.all([group.files(0), group.files(1)])
    if (held.every((files) => files[name] === expected)) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

it.each([
  ['an append', 24, (name: string) => appendBody(name, ' two'), 'one'],
  ['a truncation', 36, (name: string) => truncateBody(name, 2), 'on'],
])('%s whose record found no room on the disk', async (_, command, body, expected) => {
  const name = nameIn(await group.ask(0, 23, uploadBody('one')))
  await group.settle()
  // Once for the change, and once more: the disk stays full for a while.
  const failures = fail(await binlogOf(0), 'append' as never, 'ENOSPC', 2)
  expect((await group.ask(0, command, body(name))).status).toBe(28)
  while (failures() < 2) await new Promise(setImmediate)
  await untilAlike(name, expected)
})

it('a removal that the disk has refused', async () => {
  const name = nameIn(await group.ask(0, 11, uploadBody('kept')))
  await group.settle()
  const failures = fail(group.stores[0] as Store, 'remove', 'EIO')
  expect((await group.ask(0, 12, bytes(GROUP, name))).status).toBe(5)
  expect(failures()).toBe(1)
  await untilAlike(name, 'kept')
})

it('an appender that could not be renamed', async () => {
  const name = nameIn(await group.ask(0, 23, uploadBody('kept')))
  await group.settle()
  const failures = fail(group.stores[0] as Store, 'rename', 'EIO')
  expect((await group.ask(0, 38, bytes(name))).status).toBe(5)
  expect(failures()).toBe(1)
  await untilAlike(name, 'kept')
  await group.settle()
  expect([await group.files(0), await group.files(1)]).toEqual(Array(2).fill({ [name]: 'kept' }))
})

it('metadata that found no room on the disk', async () => {
  const name = nameIn(await group.ask(0, 11, uploadBody('x')))
  const failures = fail(await binlogOf(0), 'append' as never, 'ENOSPC')
  expect((await group.ask(0, 13, metadataBody(name, 'O', 'a\x021'))).status).toBe(28)
  expect(failures()).toBe(1)
  await group.settle()
  expect([await group.files(0), await group.files(1)]).toEqual(Array(2).fill({ [name]: 'x' }))
})

it('a storage that starts while its disk is full', async () => {
  const name = nameIn(await group.ask(0, 23, uploadBody('one')))
  await group.settle()
  const { own } = group.stores[0] as Store
  // As a kill in the middle of a change leaves it.
  const versions = await own.log('sync/versions.log')
  await versions.append(Buffer.from(`0 100001 ? ${name}\n`))
  const binlog = await binlogOf(0)
  await group.storages[0]?.stop()
  let isFull = true
  for (const [target, method] of [
    [own, 'write'],
    [versions, 'append'],
    [binlog, 'append'],
  ] as const) {
    const call = Reflect.get(target, method) as (...args: unknown[]) => unknown
    Object.assign(target, {
      [method](...args: unknown[]): unknown {
        if (isFull) throw failure('ENOSPC')
        return call.apply(target, args)
      },
    })
  }
  await group.storages[0]?.start()
  await group.storages[0]?.whenActive()
  expect((await group.ask(0, 14, bytes(Buffer.alloc(16), GROUP, name))).body.toString()).toBe('one')
  expect((await group.ask(0, 11, uploadBody('more'))).status).toBe(28)
  isFull = false
  const later = nameIn(await group.ask(0, 11, uploadBody('later')))
  await untilAlike(later, 'later')
})

it('an append whose sender went away, and that could not be taken back', async () => {
  const name = nameIn(await group.ask(0, 23, uploadBody('one')))
  await group.settle()
  const store = group.stores[0] as Store
  const edit = store.edit.bind(store)
  let failures: (() => number) | undefined
  store.edit = async (...args) => {
    const opened = (await edit(...args)) as Edit
    failures = fail(opened, 'truncate', 'EIO')
    return opened
  }
  const client = await RawClient.connect(group.storages[0]?.port as number)
  const part = 'x'.repeat(100_000)
  const whole = packet(24, appendBody(name, `${part}${part}`))
  client.send(whole.subarray(0, whole.length - part.length))
  while ((await store.stat(name))?.size === 3) await new Promise(setImmediate)
  client.close()
  while (failures?.() !== 1) await new Promise(setImmediate)
  const here = (await group.files(0))[name]
  expect(here?.slice(0, 4)).toBe('onex')
  await untilAlike(name, (await group.files(0))[name])
})

it('changes of a file and of its metadata come one after the other', async () => {
  const name = nameIn(await group.ask(0, 11, uploadBody('x')))
  const store = group.stores[0] as Store
  const create = store.create.bind(store)
  let begun = (): void => {}
  const isBegun = new Promise<void>((resolve) => (begun = resolve))
  let goOn = (): void => {}
  const mayGoOn = new Promise<void>((resolve) => (goOn = resolve))
  store.create = async (...args) => {
    store.create = create
    begun()
    await mayGoOn
    return create(...args)
  }
  const set = group.ask(0, 13, metadataBody(name, 'O', 'by\x02first'))
  await isBegun
  const seconds = bytes(Buffer.alloc(4), GROUP, `${name}-m`)
  const client = await RawClient.connect(group.storages[0]?.port as number)
  expect((await client.ask(9, bytes('100002', Buffer.alloc(10)))).status).toBe(0)
  const removed = client.ask(17, seconds)
  // Answered in order: what was asked on another connection is not what holds this one up.
  expect((await group.ask(0, 22, bytes(GROUP, name))).status).toBe(0)
  goOn()
  expect((await set).status).toBe(0)
  // Older than what is there by then.
  expect((await removed).status).toBe(0)
  expect((await group.files(0))[`${name}-m`]).toBe('by\x02first')
  client.close()
})
