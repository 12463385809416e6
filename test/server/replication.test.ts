import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Storage, StorageOptions, Store } from '../../src/server/index.js'
import { DIRECT_NETWORK } from '../../src/server/network.js'
import { bytes, i64, RawClient, str } from './raw.js'
import {
  appendBody,
  GROUP,
  linkBody,
  metadataBody,
  modifyBody,
  nameIn,
  slaveBody,
  TestGroup,
  truncateBody,
  uploadBody,
} from './group.js'

describe.each(['memory', 'disk'])('a group of storages in %s', (kind) => {
  let folder: string
  let group: TestGroup

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fastdfs-group-'))
  })

  afterEach(async () => {
    await group.stop()
    await rm(folder, { recursive: true })
  })

  async function start(storages: number, options: Partial<StorageOptions> = {}): Promise<void> {
    group = new TestGroup(kind === 'disk' ? folder : undefined, options)
    await group.start(2, storages)
  }

  async function expectAlike(): Promise<Record<string, string>> {
    await group.settle()
    const first = await group.files(0)
    for (let index = 1; index < group.storages.length; index++) {
      expect(await group.files(index)).toEqual(first)
    }
    return first
  }

  it('holds the same files everywhere after each kind of change', async () => {
    await start(3)
    const normal = nameIn(await group.ask(0, 11, uploadBody('normal')))
    const gone = nameIn(await group.ask(0, 11, uploadBody('gone')))
    const big = nameIn(await group.ask(1, 11, uploadBody('b'.repeat(1_000_000))))
    const empty = nameIn(await group.ask(1, 11, uploadBody('')))
    const appender = nameIn(await group.ask(1, 23, uploadBody('appender')))
    const renamed = nameIn(await group.ask(2, 23, uploadBody('renamed')))
    const slave = nameIn(await group.ask(0, 21, slaveBody(normal, '_s', 'slave')))
    for (const [index, command, body] of [
      [1, 24, appendBody(appender, ' and more')],
      [1, 34, modifyBody(appender, 0, 'A')],
      [1, 36, truncateBody(appender, 12)],
      [0, 13, metadataBody(normal, 'O', 'a\x021\x01b\x022')],
      [0, 13, metadataBody(normal, 'M', 'b\x023')],
      [0, 13, metadataBody(gone, 'O', 'a\x021')],
      [0, 12, bytes(GROUP, gone)],
    ] as const) {
      expect((await group.ask(index, command, body)).status).toBe(0)
    }
    const newName = nameIn(await group.ask(2, 38, bytes(renamed)))
    expect(await expectAlike()).toEqual({
      [normal]: 'normal',
      [`${normal}-m`]: 'a\x021\x01b\x023',
      [big]: 'b'.repeat(1_000_000),
      [empty]: '',
      [appender]: 'Appender and',
      [newName]: 'renamed',
      [slave]: 'slave',
    })
  })

  describe('passes on links', () => {
    const sourcesOf = (name: string): Promise<(string | undefined)[]> =>
      Promise.all(group.stores.map(async (store) => (await store.stat(name))?.source))

    it('as links, whose ends all members see alike', async () => {
      await start(3)
      const source = nameIn(await group.ask(0, 11, uploadBody('linked')))
      await group.settle()
      const link = nameIn(await group.ask(1, 20, linkBody(source)))
      const slave = nameIn(await group.ask(2, 20, linkBody(source, source, '_l')))
      const removed = nameIn(await group.ask(1, 20, linkBody(source)))
      expect((await group.ask(1, 12, bytes(GROUP, removed))).status).toBe(0)
      expect(await expectAlike()).toEqual({ [source]: 'linked', [link]: 'linked', [slave]: 'linked' })
      for (const name of [link, slave]) expect(await sourcesOf(name)).toEqual([source, source, source])
      expect(await sourcesOf(removed)).toEqual([undefined, undefined, undefined])
      expect((await group.ask(2, 12, bytes(GROUP, source))).status).toBe(0)
      expect(await expectAlike()).toEqual({})
      for (const name of [link, slave]) expect(await sourcesOf(name)).toEqual([source, source, source])
      await group.replace(1)
      await group.settle()
      for (const name of [link, slave]) expect(await sourcesOf(name)).toEqual([source, source, source])
      await group.add()
      await group.settle()
      for (const name of [link, slave]) expect(await sourcesOf(name)).toEqual(Array(4).fill(source))
    })

    it('of equal contents: the copy goes with the last one, wherever that is deleted', async () => {
      await start(2, { checkFileDuplicate: true })
      const first = nameIn(await group.ask(0, 11, uploadBody('the same')))
      const second = nameIn(await group.ask(0, 11, uploadBody('the same')))
      const [original] = await sourcesOf(first)
      expect(await expectAlike()).toEqual({
        [String(original)]: 'the same',
        [first]: 'the same',
        [second]: 'the same',
      })
      expect((await group.ask(1, 12, bytes(GROUP, first))).status).toBe(0)
      expect(await expectAlike()).toEqual({ [String(original)]: 'the same', [second]: 'the same' })
      expect((await group.ask(1, 12, bytes(GROUP, second))).status).toBe(0)
      expect(await expectAlike()).toEqual({})
    })
  })

  it('tells nothing to one that repeats what it hears in the place of a storage that is away', async () => {
    await start(2)
    const { port } = group.storages[1] as Storage
    await group.storages[1]?.stop()
    // As the system may connect whoever asks for a port of its own, where nobody listens, to itself.
    const echo = createServer((socket) => socket.pipe(socket))
    const ended = new Promise((resolve) => echo.once('connection', (socket) => socket.once('close', resolve)))
    await new Promise<void>((resolve) => echo.listen(port, '127.0.0.1', resolve))
    await group.ask(0, 11, uploadBody('new'))
    await ended
    await new Promise((resolve) => echo.close(resolve))
    await group.storages[1]?.start()
    await group.storages[1]?.whenActive()
    expect(Object.values(await expectAlike())).toEqual(['new'])
  })

  it('looks for a storage that is away once a second, however much there is to tell it', async () => {
    const tried: number[] = []
    await start(2, {
      network: {
        ...DIRECT_NETWORK,
        connect: (options) => {
          tried.push(options.port)
          return DIRECT_NETWORK.connect(options)
        },
      },
    })
    const { port } = group.storages[1] as Storage
    await group.storages[1]?.stop()
    const [before, begin] = [tried.length, performance.now()]
    for (let i = 0; i < 100; i++) await group.ask(0, 11, uploadBody(String(i)))
    const seconds = (performance.now() - begin) / 1000
    expect(tried.slice(before).filter((to) => to === port).length).toBeLessThanOrEqual(2 + seconds)
  })

  it('brings a storage that was away up to date', async () => {
    await start(3)
    const appender = nameIn(await group.ask(0, 23, uploadBody('one')))
    const gone = nameIn(await group.ask(0, 11, uploadBody('gone')))
    await group.settle()
    await group.storages[2]?.stop()
    await group.ask(0, 24, appendBody(appender, 'two'))
    await group.ask(0, 36, truncateBody(appender, 2))
    await group.ask(1, 12, bytes(GROUP, gone))
    const late = nameIn(await group.ask(1, 11, uploadBody('late')))
    await group.storages[2]?.start()
    await group.storages[2]?.whenActive()
    expect(await expectAlike()).toEqual({ [appender]: 'on', [late]: 'late' })
  })

  it('lets the later of two changes win that were made while neither storage could reach the other', async () => {
    await start(2, { replication: 'manual' })
    const appender = nameIn(await group.ask(0, 23, uploadBody('start')))
    await group.settle()
    await group.ask(0, 24, appendBody(appender, ' from the first'))
    await group.ask(1, 24, appendBody(appender, ' from the second'))
    await group.ask(0, 13, metadataBody(appender, 'O', 'by\x02first'))
    await group.ask(1, 13, metadataBody(appender, 'O', 'by\x02second'))
    const files = await expectAlike()
    expect(['start from the first', 'start from the second']).toContain(files[appender])
    expect(['by\x02first', 'by\x02second']).toContain(files[`${appender}-m`])
  })

  it('agrees on what two have made under one name in one second', async () => {
    const now = Date.now()
    const clock = { now: () => now, randomBelow: (limit: number) => Math.floor(Math.random() * limit) }
    await start(2, { replication: 'manual', clock })
    const name = nameIn(await group.ask(0, 11, uploadBody('master')))
    await group.storages[0]?.replicate()
    const slave = name.replace('.txt', '_s.txt')
    const tell = async (id: string, about: string, content: string): Promise<number> => {
      const raw = await RawClient.connect((group.storages[1] as Storage).port)
      await raw.ask(9, str(id, 16))
      // Seconds in four bytes (protocol.md §4.8).
      const timestamp = i64(Math.floor(now / 1000)).subarray(4)
      const { status } = await raw.ask(
        16,
        bytes(i64(about.length), i64(content.length), timestamp, GROUP, about, content),
      )
      raw.close()
      return status
    }
    for (const [about, contents] of [
      [`${name}-m`, ['by\x021', 'by\x022', 'by\x020']],
      [slave, ['slave 1', 'slave 2', 'slave 3 of the storage with the lowest ID']],
    ] as const) {
      // The first is the master's source: the name tells which version that is.
      expect(await tell('100001', about, contents[0])).toBe(0)
      // The storage with the higher ID wins.
      expect(await tell('100003', about, contents[1])).toBe(0)
      expect(await tell('100002', about, contents[2])).toBe(17)
    }
    expect(await group.files(1)).toEqual({ [name]: 'master', [`${name}-m`]: 'by\x022', [slave]: 'slave 2' })
  })

  it('passes on a change also where the file that went before it was refused', async () => {
    let time = Date.now()
    const clock = { now: () => time, randomBelow: (limit: number) => Math.floor(Math.random() * limit) }
    await start(3, { replication: 'manual', clock })
    const [first, source, last] = group.storages as [Storage, Storage, Storage]
    await last.stop()
    const appender = nameIn(await group.ask(1, 23, uploadBody('start')))
    await source.replicate()
    time += 1000
    await group.ask(0, 24, appendBody(appender, ' over'))
    await source.stop()
    await last.start()
    await last.whenActive()
    await first.replicate()
    await first.stop()
    await source.start()
    time += 10_000
    await group.ask(1, 34, modifyBody(appender, 0, 'START'))
    // Nothing but the binlog tells now which of its records is the newest.
    await source.stop()
    await source.start()
    await source.whenActive()
    await source.replicate()
    expect(await group.files(2)).toEqual({ [appender]: 'START' })
    await first.start()
    await first.whenActive()
    expect(await expectAlike()).toEqual({ [appender]: 'START' })
  })

  it('keeps a file removed whose removal comes before it', async () => {
    await start(3, { replication: 'manual' })
    const name = nameIn(await group.ask(0, 11, uploadBody('x')))
    await group.storages[0]?.replicate()
    const other = nameIn(await group.ask(0, 11, uploadBody('y')))
    await group.storages[0]?.stop()
    expect((await group.ask(1, 12, bytes(GROUP, name))).status).toBe(0)
    await group.storages[1]?.replicate()
    await group.storages[0]?.start()
    await group.storages[0]?.whenActive()
    expect(await expectAlike()).toEqual({ [other]: 'y' })
  })

  it('tells of changes only when asked to, where it is to be asked', async () => {
    await start(2, { replication: 'manual' })
    const name = nameIn(await group.ask(0, 11, uploadBody('x')))
    expect(await group.files(1)).toEqual({})
    await group.storages[0]?.replicate()
    expect(await group.files(1)).toEqual({ [name]: 'x' })
  })

  it('gives a new storage all there is', async () => {
    await start(2)
    const names = []
    for (let i = 0; i < 20; i++) names.push(nameIn(await group.ask(i % 2, 11, uploadBody(`file ${i}`))))
    const appender = nameIn(await group.ask(0, 23, uploadBody('one')))
    await group.ask(0, 24, appendBody(appender, 'two'))
    await group.add()
    await group.ask(0, 24, appendBody(appender, 'three'))
    const files = await expectAlike()
    expect(Object.keys(files).sort()).toEqual([...names, appender].sort())
    expect(files[appender]).toBe('onetwothree')
  })

  it('gives a new storage also what its binlog does not hold any more', async () => {
    await start(1)
    const count = kind === 'memory' ? 6_000 : 100
    const raw = await RawClient.connect((group.storages[0] as Storage).port)
    for (let i = 0; i < count; i++) nameIn(await raw.ask(11, uploadBody('x')))
    raw.close()
    const log = await (group.stores[0] as Store).own.log('sync/binlog.000')
    if (kind === 'memory') expect(log.start).toBeGreaterThan(0)
    await log.close()
    await group.add()
    expect(Object.keys(await expectAlike()).length).toBe(count)
  })

  it('asks a storage for lost files that was away, also when it is started again before that', async () => {
    await start(3, { replication: 'manual' })
    await group.storages[1]?.stop()
    const name = nameIn(await group.ask(2, 11, uploadBody('kept')))
    await group.storages[2]?.replicate()
    expect(await group.files(0)).toEqual({ [name]: 'kept' })
    await group.storages[2]?.stop()
    await group.storages[1]?.start()
    await group.storages[1]?.whenActive()
    await group.replace(0)
    expect(await group.files(0)).toEqual({})
    await group.storages[0]?.stop()
    await group.storages[0]?.start()
    await group.storages[0]?.whenActive()
    await group.storages[2]?.start()
    await group.storages[2]?.whenActive()
    while ((await group.files(0))[name] === undefined) await new Promise((resolve) => setImmediate(resolve))
    expect(await group.files(0)).toEqual({ [name]: 'kept' })
  })

  it('goes on passing on while its marks cannot be written', async () => {
    await start(2, { replication: 'manual' })
    const { own } = group.stores[0] as Store
    const write = own.write.bind(own)
    let failures = 0
    own.write = (file, content) => {
      if (!file.endsWith('.mark')) return write(file, content)
      failures++
      throw new Error('no space left')
    }
    const first = nameIn(await group.ask(0, 11, uploadBody('first')))
    await group.storages[0]?.replicate()
    const second = nameIn(await group.ask(0, 11, uploadBody('second')))
    await group.storages[0]?.replicate()
    expect(failures).toBeGreaterThan(0)
    own.write = write
    expect(await group.files(1)).toEqual({ [first]: 'first', [second]: 'second' })
  })

  it('forgets a removal once everybody has heard of it', async () => {
    const clock = { now: () => now, randomBelow: (limit: number) => Math.floor(Math.random() * limit) }
    let now = Date.now()
    await start(2, { clock })
    const gone = nameIn(await group.ask(0, 11, uploadBody('gone')))
    await group.settle()
    await group.ask(0, 12, bytes(GROUP, gone))
    await expectAlike()
    const remembered = async (index: number): Promise<boolean> => {
      const text = (await (group.stores[index] as Store).own.read('sync/versions.log'))?.toString() ?? ''
      const lines = text.split('\n').filter((line) => line.endsWith(gone))
      return lines.at(-1)?.includes(' - ') ?? false
    }
    expect([await remembered(0), await remembered(1)]).toEqual([true, true])
    now += 61_000
    nameIn(await group.ask(0, 11, uploadBody('later')))
    nameIn(await group.ask(1, 11, uploadBody('later')))
    await group.settle()
    expect([await remembered(0), await remembered(1)]).toEqual([false, false])
    expect(Object.values(await expectAlike())).toEqual(['later', 'later'])
  })

  it('rebuilds a storage that has lost its files', async () => {
    await start(3)
    const names = []
    for (let i = 0; i < 10; i++) names.push(nameIn(await group.ask(i % 3, 11, uploadBody(`file ${i}`))))
    const appender = nameIn(await group.ask(0, 23, uploadBody('one')))
    await group.ask(0, 13, metadataBody(appender, 'O', 'a\x02b'))
    await group.settle()
    await group.replace(0)
    await group.ask(0, 24, appendBody(appender, 'two'))
    const files = await expectAlike()
    expect(Object.keys(files).sort()).toEqual([...names, appender, `${appender}-m`].sort())
    expect(files[appender]).toBe('onetwo')
  })
})
