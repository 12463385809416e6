/** Memory for pieces of files: used again, never by two at a time. */
import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { giveBlock, takeBlock } from '../../src/client/blocks.js'
import type { UploadedFile } from '../../src/index.js'
import { startCluster } from '../../src/testing/index.js'
import { collectGarbage } from '../support/garbage.js'
import { temporaryFolder } from './fakes.js'

const MIB = 1024 * 1024

it('a block that was given back is taken again, by one', () => {
  const block = takeBlock(5 * MIB)
  expect(block).toHaveLength(MIB)
  giveBlock(block)
  const next = [takeBlock(MIB), takeBlock(MIB)]
  expect(next[0]).toBe(block)
  expect(next[1]).not.toBe(block)
})

it('sixteen blocks are kept, and no more', () => {
  const given = Array.from({ length: 20 }, () => takeBlock(MIB))
  given.forEach(giveBlock)
  const taken = Array.from({ length: 20 }, () => takeBlock(MIB))
  expect(taken.filter((block) => given.includes(block))).toHaveLength(16)
})

it('files of 64 MiB have two larger blocks together', () => {
  expect(takeBlock(64 * MIB - 1)).toHaveLength(MIB)
  const take = (): Buffer[] => Array.from({ length: 4 }, () => takeBlock(64 * MIB))
  const given = take()
  expect(given.map(({ length }) => length)).toEqual([4 * MIB, 4 * MIB, MIB, MIB])
  given.forEach(giveBlock)
  const taken = take()
  expect(new Set(taken)).toEqual(new Set(given))
  taken.forEach(giveBlock)
})

it('a larger block that is not given back is made again, when it is gone', async () => {
  const lengths = (): number[] => [takeBlock(64 * MIB), takeBlock(64 * MIB)].map(({ length }) => length)
  expect(lengths()).toEqual([4 * MIB, 4 * MIB])
  expect(lengths()).toEqual([MIB, MIB])
  await new Promise(setImmediate)
  collectGarbage()
  expect(lengths()).toEqual([4 * MIB, 4 * MIB])
})

it('a file that ends in blocks of both sizes goes up and down as it is', async () => {
  await using cluster = await startCluster()
  await using folder = await temporaryFolder()
  const client = cluster.client()
  const content = randomBytes(65 * MIB + 1)
  await writeFile(folder.join('source'), content)
  const { id, size } = await client.uploadFile(folder.join('source'))
  expect(size).toBe(content.length)
  await client.downloadFile(id, folder.join('copy'))
  expect((await readFile(folder.join('copy'))).equals(content)).toBe(true)
})

it.each([MIB - 1, 1, 0, -MIB])('for %d bytes there is no more than that, and it is not kept', (missing) => {
  const block = takeBlock(missing)
  expect(block).toHaveLength(Math.max(0, missing))
  giveBlock(block)
  expect(takeBlock(missing)).not.toBe(block)
})

it('files that go up and down at the same time, some of them broken off, do not mix', async () => {
  await using cluster = await startCluster()
  await using folder = await temporaryFolder()
  const client = cluster.client()
  const contents = Array.from({ length: 12 }, (_, i) => randomBytes(i * 0.4 * MIB))
  const all = async <T>(run: (i: number) => Promise<T>): Promise<T[]> =>
    Promise.all(contents.map((_, i) => run(i)))
  await all((i) => writeFile(folder.join(`source ${i}`), contents[i] as Buffer))
  const ids = await all(async (i) => (await client.uploadFile(folder.join(`source ${i}`))).id)
  for (let round = 0; round < 3; round++) {
    const given = { up: 0, down: 0 }
    const stopping = (which: 'up' | 'down'): object => {
      const controller = new AbortController()
      return {
        signal: controller.signal,
        onProgress: () => void (++given[which] % 5 === 0 && controller.abort()),
      }
    }
    const broken = await all((i) =>
      Promise.allSettled([
        client.uploadFile(folder.join(`source ${i}`), stopping('up')),
        client.downloadFile(ids[i] as string, folder.join(`broken ${i}`), stopping('down')),
        client.downloadFile(ids[i] as string, folder.join(`copy ${i}`)),
      ]),
    )
    expect(broken.flat().some(({ status }) => status === 'rejected')).toBe(true)
    for (const [i, content] of contents.entries()) {
      expect((await readFile(folder.join(`copy ${i}`))).equals(content)).toBe(true)
      const [up] = broken[i] as [PromiseSettledResult<UploadedFile>, ...unknown[]]
      if (up.status === 'rejected') continue
      expect((await client.downloadFile(up.value.id, { verify: false })).equals(content)).toBe(true)
    }
  }
  for (const [i, id] of ids.entries()) {
    expect((await client.downloadFile(id, { verify: false })).equals(contents[i] as Buffer)).toBe(true)
  }
})
