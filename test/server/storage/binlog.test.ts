import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Binlog } from '../../../src/server/storage/binlog.js'
import { DiskFiles } from '../../../src/server/stores/disk-files.js'
import { MemoryFiles } from '../../../src/server/stores/memory-files.js'
import type { OwnFiles } from '../../../src/server/stores/store.js'

const RECORDS = 25_000

async function written(own: OwnFiles): Promise<{ binlog: Binlog; positions: number[] }> {
  const binlog = new Binlog(own, () => {})
  await binlog.open(0)
  const positions: number[] = []
  for (let i = 0; i < RECORDS; i++) {
    const pending = binlog.append({
      timestamp: 1_700_000_000,
      operation: 'C',
      source: true,
      name: `M00/00/00/${String(i).padStart(44, '0')}`,
      extra: [],
    })
    positions.push(pending.start)
    pending.show()
    await pending.written
  }
  return { binlog, positions }
}

describe('the binlog', () => {
  let folder: string

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fastdfs-binlog-'))
    await mkdir(join(folder, 'sync'))
  })

  afterEach(() => rm(folder, { recursive: true }))

  it('in memory frees what nobody reads any more, and keeps its positions', async () => {
    const own = new MemoryFiles()
    const { binlog, positions } = await written(own)
    const position = positions[20_000] as number
    binlog.drop(position)
    expect(binlog.start).toBe(position)
    expect(own.read('sync/binlog.000')?.length).toBe(binlog.end - position)
    const { entries } = await binlog.read(positions[20_500] as number)
    expect(entries[0]?.name).toBe(`M00/00/00/${'20500'.padStart(44, '0')}`)
    await binlog.close()
    const again = new Binlog(own, () => {})
    const tail = await again.open(1e9)
    expect(tail.length).toBe(RECORDS - 20_000)
    expect(tail[0]?.start).toBe(position)
    await again.close()
  })

  it('in a folder is kept whole', async () => {
    const { binlog, positions } = await written(new DiskFiles(folder))
    binlog.drop(positions[20_000] as number)
    expect(binlog.start).toBe(0)
    expect((await binlog.read(0)).entries[0]?.start).toBe(0)
    await binlog.close()
  })

  it('ends with whole records at a start, and says which they are', async () => {
    const own = new DiskFiles(folder)
    const { binlog, positions } = await written(own)
    const { end } = binlog
    await binlog.close()
    const log = own.log('sync/binlog.000')
    await log.append(Buffer.from('1700000000 C M00/00/00/tor'))
    log.close()
    const again = new Binlog(own, () => {})
    // Exactly at the beginning of a record: that one is told as well.
    const tail = await again.open(end - (positions[24_990] as number))
    expect(again.end).toBe(end)
    expect(tail.map(({ start }) => start)).toEqual(positions.slice(24_990))
    await again.close()
  })

  it('tells a position before all records that were made here at a moment or later', async () => {
    const own = new DiskFiles(folder)
    const line = (timestamp: number, operation: string): string =>
      `${timestamp} ${operation} M00/00/00/${'x'.repeat(44)}\n`
    const size = line(1_700_000_000, 'C').length
    // What came from others is in no order.
    const old = line(1_700_000_000, 'C') + line(1_800_000_000, 'c').repeat(5_000)
    own.write('sync/binlog.000', Buffer.from(old))
    own.write('sync/binlog.001', Buffer.from(line(1_700_000_005, 'C').repeat(2_000)))
    own.write('sync/binlog_index.dat', Buffer.from('current_write=1\n'))
    const binlog = new Binlog(own, () => {})
    await binlog.open(0)
    const second = 2 ** 32
    expect(await binlog.before(1_700_000_006)).toBeGreaterThan(second + 2_000 * size - 65 * 1024)
    expect(await binlog.before(1_700_000_005)).toBe(0)
    expect(await binlog.before(1_700_000_000)).toBe(0)
    await binlog.close()
  })

  it('ends with records of the file before where the last one is new', async () => {
    const own = new DiskFiles(folder)
    const line = `1700000000 D M00/00/00/${'x'.repeat(44)}\n`
    own.write('sync/binlog.000', Buffer.from(line.repeat(3)))
    own.write('sync/binlog.001', Buffer.from(line))
    own.write('sync/binlog_index.dat', Buffer.from('current_write=1\n'))
    const binlog = new Binlog(own, () => {})
    const tail = await binlog.open(3 * line.length)
    expect(tail.map(({ start }) => start)).toEqual([line.length, 2 * line.length, 2 ** 32])
    await binlog.close()
  })

  it.each(['', 'what?', 'current_write=\n', 'current_write=1\n', `current_write=${'9'.repeat(20)}\n`])(
    'goes on in its last file where the index is %j',
    async (index) => {
      const own = new DiskFiles(folder)
      const line = `1700000000 D M00/00/00/${'x'.repeat(44)}\n`
      for (const number of ['000', '001', '002']) own.write(`sync/binlog.${number}`, Buffer.from(line))
      own.write('sync/binlog_index.dat', Buffer.from(index))
      const binlog = new Binlog(own, () => {})
      await binlog.open(0)
      expect(binlog.end).toBe(2 * 2 ** 32 + line.length)
      await binlog.close()
    },
  )

  it('refuses records once it is closed', async () => {
    const binlog = new Binlog(new MemoryFiles(), () => {})
    await binlog.open(0)
    await binlog.close()
    const pending = binlog.append({ timestamp: 1, operation: 'C', source: true, name: 'a', extra: [] })
    await expect(pending.written).rejects.toThrow('the binlog is closed')
  })
})
