/** Paths that cannot be opened, and what is left open then. */
import type { FileHandle } from 'node:fs/promises'
import files, { writeFile } from 'node:fs/promises'
import { InvalidArgumentError, LocalIoError } from '../../src/index.js'
import { CONTENT, fakeCluster, rejection, temporaryFolder } from './fakes.js'

afterEach(() => jest.restoreAllMocks())

const failure = (code: string): Error => Object.assign(new Error(`${code}: it failed`), { code })

it.each([
  ['EMFILE', LocalIoError],
  ['ENFILE', LocalIoError],
  ['EIO', LocalIoError],
  ['ENOENT', InvalidArgumentError],
  ['EACCES', InvalidArgumentError],
])('%s while a path is opened is told apart from a wrong path', async (code, Kind) => {
  await using cluster = await fakeCluster()
  jest.spyOn(files, 'open').mockRejectedValueOnce(failure(code))
  const error = await rejection(cluster.client.uploadFile('photo.jpg'))
  expect(error).toBeInstanceOf(Kind)
  expect(error.message).toContain(`cannot read "photo.jpg": ${code}: it failed`)
  expect(cluster.commands()).toEqual([])
})

it('a file whose size cannot be told is closed again', async () => {
  await using cluster = await fakeCluster()
  await using folder = await temporaryFolder()
  const path = folder.join('photo.jpg')
  await writeFile(path, CONTENT)
  const { open } = files
  let opened: FileHandle | undefined
  jest.spyOn(files, 'open').mockImplementationOnce(async (...args: Parameters<typeof open>) => {
    opened = await open(...args)
    jest.spyOn(opened, 'stat').mockRejectedValue(failure('EIO'))
    return opened
  })
  const error = await rejection(cluster.client.uploadFile(path))
  expect(error).toBeInstanceOf(LocalIoError)
  expect(opened?.fd).toBe(-1)
})

it('EMFILE while content of unknown size goes to a temporary file is no wrong argument', async () => {
  await using cluster = await fakeCluster()
  jest.spyOn(files, 'open').mockRejectedValueOnce(failure('EMFILE'))
  const large = Buffer.alloc(9 * 1024 * 1024)
  const error = await rejection(cluster.client.uploadFile(new Blob([large]).stream()))
  expect(error).toBeInstanceOf(LocalIoError)
  expect(error.message).toMatch(/^cannot keep content of unknown size in .*: EMFILE: it failed/)
  expect(cluster.commands()).toEqual([])
})
