import { EventEmitter, once } from 'node:events'
import { connect } from 'node:net'
import { DIRECT_NETWORK, MemoryStore, type Network, Storage } from '../../../src/server/index.js'
import { TestGroup } from '../group.js'

/** Tells of each packet that a storage sends, by its command. */
class Watch extends EventEmitter {
  readonly network: Network = {
    ...DIRECT_NETWORK,
    connect: (options) => {
      const socket = connect(options)
      const write = socket.write.bind(socket) as (chunk: Buffer, ...rest: unknown[]) => boolean
      socket.write = (chunk: unknown, ...rest: unknown[]) => {
        this.emit(String((chunk as Buffer)[8]))
        return write(chunk as Buffer, ...rest)
      }
      return socket
    },
  }
}

describe('a storage', () => {
  it.each([
    ['beats', 83, { heartBeatInterval: 5 }],
    ['reports the space of its disks', 84, { statReportInterval: 5 }],
    ['tells a peer that it lives', 111, { heartBeatInterval: 5 }],
  ])('%s in its interval', async (_, command, options) => {
    const watch = new Watch()
    const group = new TestGroup(undefined, { ...options, network: watch.network })
    try {
      await group.start(1, 2)
      for (let i = 0; i < 4; i++) expect(await once(watch, String(command))).toEqual([])
    } finally {
      await group.stop()
    }
  })

  it('writes its counters in their interval', async () => {
    const store = new MemoryStore()
    const written = new EventEmitter()
    const write = store.own.write.bind(store.own)
    store.own.write = (name, ...rest) => {
      written.emit(name)
      return write(name, ...rest)
    }
    const trackers = [{ host: '127.0.0.1', port: 1 }]
    await using storage = new Storage({ group: 'group1', id: 1, trackers, store, syncStatFileInterval: 5 })
    await storage.start()
    for (let i = 0; i < 3; i++) expect(await once(written, 'storage_stat.dat')).toEqual([])
  })

  it.each([0, 1.5, 2 ** 31, NaN])('takes no interval of %d ms', (interval) => {
    const base = {
      group: 'group1',
      id: 1,
      trackers: [{ host: '127.0.0.1', port: 1 }],
      store: new MemoryStore(),
    }
    for (const name of ['heartBeatInterval', 'statReportInterval', 'syncStatFileInterval']) {
      expect(() => new Storage({ ...base, [name]: interval })).toThrow(
        `${name} must be a whole number from 1 to 2147483647`,
      )
    }
  })
})
