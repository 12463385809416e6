import { MemoryFiles } from '../../../src/server/stores/memory-files.js'
import { Versions } from '../../../src/server/storage/versions.js'

const FILE = 'sync/versions.log'
const name = (i: number): string => `M00/00/00/${i}`
const removal = (timestamp: number) => ({ timestamp, origin: '100001', deleted: true })

describe('the versions of files', () => {
  let own: MemoryFiles
  let versions: Versions

  beforeEach(async () => {
    own = new MemoryFiles()
    versions = new Versions(own)
    await versions.open()
  })

  async function reopened(): Promise<Versions> {
    await versions.close()
    const again = new Versions(own)
    await again.open()
    return again
  }

  it('take no more room than there are, however often a file changes, and survive a restart', async () => {
    await versions.begin(name(2), '100002')
    for (let i = 1; i <= 25_000; i++) {
      void versions.set(name(1), { timestamp: i, origin: '100001', deleted: false })
      if (i % 100 === 0) await versions.set(name(3), removal(i))
    }
    expect(own.read(FILE)?.toString().split('\n').length).toBeLessThan(12_000)
    await versions.close()
    const again = new Versions(own)
    expect(await again.open()).toEqual(new Map([[name(2), '100002']]))
    expect(again.find(name(1))).toEqual({ timestamp: 25_000, origin: '100001', deleted: false })
    expect(again.find(name(3))).toEqual(removal(25_000))
  })

  it('forget the oldest removals that all have heard of, for good', async () => {
    await versions.set(name(0), { timestamp: 1, origin: '100001', deleted: false })
    for (const timestamp of [3, 1, 2]) await versions.set(name(timestamp), removal(timestamp))
    await versions.set(name(3), removal(4))
    versions.forgetRemovals((_, { timestamp }) => timestamp !== 2)
    const again = await reopened()
    expect(again.find(name(0))).toBeDefined()
    expect(again.find(name(1))).toBeUndefined()
    expect(again.find(name(2))).toEqual(removal(2))
    expect(again.find(name(3))).toEqual(removal(4))
  })

  it('find a file again that comes back after its removal was forgotten', async () => {
    await versions.set(name(1), removal(1))
    versions.forgetRemovals(() => true)
    await versions.set(name(1), { timestamp: 5, origin: '100002', deleted: false })
    expect((await reopened()).find(name(1))).toEqual({ timestamp: 5, origin: '100002', deleted: false })
  })

  it('go on with the old file where there is no room to write it anew', async () => {
    const write = jest.spyOn(own, 'write').mockImplementation(() => {
      throw new Error('no space left')
    })
    for (let i = 1; i <= 11_000; i++)
      await versions.set(name(1), { timestamp: i, origin: 'a', deleted: false })
    expect(write).toHaveBeenCalled()
    expect((await reopened()).find(name(1))?.timestamp).toBe(11_000)
  })
})
