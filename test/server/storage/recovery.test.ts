/** What a storage that has lost its files gets back where the others do not have the same. */
import type { Store } from '../../../src/server/index.js'
import { appendBody, nameIn, TestGroup, uploadBody } from '../group.js'

const LOST = 0
let group: TestGroup
let time = Date.now()

beforeEach(async () => {
  const clock = { now: () => time, randomBelow: (limit: number) => Math.floor(Math.random() * limit) }
  group = new TestGroup(undefined, { replication: 'manual', clock })
  await group.start(1, 3)
})

afterEach(() => group.stop())

async function stop(index: number): Promise<void> {
  await group.storages[index]?.stop()
}

async function start(index: number): Promise<void> {
  await group.storages[index]?.start()
  await group.storages[index]?.whenActive()
}

/** Has a file changed at one storage, which tells one of the others; the third hears nothing of it. */
async function changeAt(source: number, deaf: number, command: number, body: Buffer): Promise<string> {
  await stop(deaf)
  time += 1000
  const response = await group.ask(source, command, body)
  expect(response.status).toBe(0)
  await group.storages[source]?.replicate()
  await stop(source)
  await start(deaf)
  return command === 11 ? nameIn(response) : ''
}

it.each([
  [1, 2],
  [2, 1],
])(
  'a file of its own as storage %d has it, newer than that of %d, which gets it as well',
  async (_, deaf) => {
    const appender = nameIn(await group.ask(LOST, 23, uploadBody('one')))
    await group.storages[LOST]?.replicate()
    const name = await changeAt(LOST, deaf, 11, uploadBody('kept'))
    await start(LOST)
    await changeAt(LOST, deaf, 24, appendBody(appender, ' two'))
    await group.replace(LOST)
    const all = { [appender]: 'one two', [name]: 'kept' }
    expect(await group.files(LOST)).toEqual(all)
    expect(await group.files(deaf)).toEqual({ [appender]: 'one' })
    await group.storages[LOST]?.replicate()
    expect(await group.files(deaf)).toEqual(all)
  },
)

it.each([
  [1, 2],
  [2, 1],
])("another one's file as that one, %d, has it, and not as %d", async (source, deaf) => {
  const appender = nameIn(await group.ask(source, 23, uploadBody('one')))
  await group.storages[source]?.replicate()
  await stop(LOST)
  await stop(deaf)
  time += 1000
  expect((await group.ask(source, 24, appendBody(appender, ' two'))).status).toBe(0)
  await start(deaf)
  await group.replace(LOST)
  expect(await group.files(LOST)).toEqual({ [appender]: 'one two' })
  expect(await group.files(deaf)).toEqual({ [appender]: 'one' })
})

it('leaves nothing of the lists of files that the others sent', async () => {
  const name = nameIn(await group.ask(1, 11, uploadBody('kept')))
  await group.replace(LOST)
  expect(await group.files(LOST)).toEqual({ [name]: 'kept' })
  const { own } = group.stores[LOST] as Store
  expect((await own.names('sync')).filter((file) => file.startsWith('files-of'))).toEqual([])
})
