/** The names that were kept with files, and what they may do where files are written. */
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import fc from 'fast-check'
import type { Socket } from 'node:net'
import { join, resolve } from 'node:path'
import { isPlainName } from '../../src/client/filename.js'
import { InvalidArgumentError } from '../../src/index.js'
import { response } from '../support/fake-server.js'
import { CONTENT, deferred, fakeCluster, ID, INFO, rejection, status, temporaryFolder } from './fakes.js'
import type { FakeCluster } from './fakes.js'

/** The last part of ID. */
const OWN_NAME = 'Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt'

/** A cluster whose file has a name. */
const named = (name: string): Promise<FakeCluster> =>
  fakeCluster({ 15: response(Buffer.from(`author\x02someone\x01filename\x02${name}`)) })

const PLAIN = [
  'photo.jpg',
  '报告 2026.pdf',
  'a..b',
  '-rf',
  'x'.repeat(255),
  'é'.repeat(127),
  'ends with.',
  'a:b',
]
const HARMFUL = [
  '',
  '.',
  '..',
  '../up',
  '../../etc/passwd',
  '/etc/passwd',
  'a/b',
  'a/../../b',
  '..\\up',
  'C:\\Windows\\system.ini',
  '\\\\server\\share',
  '.bashrc',
  '.ssh',
  'a\0b',
  'a\nb',
  'a\x7fb',
  'a\u0085b',
  'x'.repeat(256),
  'é'.repeat(128),
]

describe('getFilename', () => {
  it.each(PLAIN)('gives the name %j', async (name) => {
    await using cluster = await named(name)
    expect(await cluster.client.getFilename(ID)).toBe(name)
  })

  it.each(HARMFUL)('gives the last part of the ID instead of %j', async (name) => {
    await using cluster = await named(name)
    expect(await cluster.client.getFilename(ID)).toBe(OWN_NAME)
  })

  it('gives the last part of the ID where no name was kept', async () => {
    await using cluster = await fakeCluster({ 15: status(2), 22: INFO })
    expect(await cluster.client.getFilename(`/${ID}`)).toBe(OWN_NAME)
  })

  it('reads the encoding that is named', async () => {
    await using cluster = await fakeCluster({
      15: response(Buffer.from('66696c656e616d6502b1a8b8e62e706466', 'hex')),
    })
    expect(await cluster.client.getFilename(ID, { metadataEncoding: 'gbk' })).toBe('报告.pdf')
    await expect(cluster.client.getFilename(ID)).rejects.toThrow('metadata')
    await expect(cluster.client.getFilename(ID, { encoding: 'gbk' } as object)).rejects.toThrow(
      'getFilename has no option "encoding"',
    )
  })

  it('of a file that is not there is refused', async () => {
    await using cluster = await fakeCluster({ 15: status(2), 22: status(2) })
    await expect(cluster.client.getFilename(ID)).rejects.toMatchObject({ name: 'FileNotFoundError' })
  })
})

describe('names', () => {
  it('are plain only where they stay in their folder, whatever they are', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('.', '..', '/', '\\', 'a', ' ', ':', '\0')), (parts) => {
        const name = parts.join('')
        if (!isPlainName(name)) return
        expect(resolve('/folder', name)).toBe(`/folder/${name}`)
        expect(resolve('/folder', name)).not.toBe('/folder')
      }),
    )
  })

  it.each(['a:b', 'C:', 'a|b', 'a?', 'CON', 'con.txt', 'Aux', 'nul .txt', 'LPT1', 'com9.log', 'a.', 'a '])(
    '%j is not plain on Windows',
    (name) => {
      expect(isPlainName(name, 'linux')).toBe(true)
      expect(isPlainName(name, 'win32')).toBe(false)
    },
  )

  it.each(['console.log', 'a con', 'photo.jpg', 'nulls'])('%j is plain on Windows', (name) => {
    expect(isPlainName(name, 'win32')).toBe(true)
  })
})

describe('a download into a folder', () => {
  it.each([
    ['photo.jpg', 'photo.jpg'],
    ['../../up.txt', OWN_NAME],
    ['/etc/passwd', OWN_NAME],
    ['.bashrc', OWN_NAME],
  ])('of a file named %j makes %j', async (name, made) => {
    await using cluster = await named(name)
    await using folder = await temporaryFolder()
    const inner = folder.join('inner')
    await mkdir(inner)
    expect(await cluster.client.downloadFile(ID, inner)).toMatchObject({ size: 13, path: join(inner, made) })
    expect(await readFile(join(inner, made))).toEqual(CONTENT)
    expect(await folder.names()).toEqual(['inner'])
    await using other = await temporaryFolder()
    const { path } = await cluster.client.downloadFile(ID, `${other.path}/`, { fsync: true })
    expect(path).toBe(other.join(made))
    expect(await other.names()).toEqual([made])
  })

  it('replaces nothing, not even a link to nowhere', async () => {
    await using cluster = await named('photo.jpg')
    await using folder = await temporaryFolder()
    await writeFile(folder.join('photo.jpg'), 'mine')
    const error = await rejection(cluster.client.downloadFile(ID, folder.path))
    expect(error).toBeInstanceOf(InvalidArgumentError)
    expect(error.message).toContain('is there already: name it as the path to replace it')
    expect(await readFile(folder.join('photo.jpg'), 'utf8')).toBe('mine')
    await using other = await temporaryFolder()
    await symlink(folder.join('nowhere'), other.join('photo.jpg'))
    await expect(cluster.client.downloadFile(ID, other.path)).rejects.toThrow('is there already')
    expect(cluster.commands()).not.toContain(14)
  })

  it('replaces nothing that came while it was read either', async () => {
    const asked = deferred<Socket>()
    await using cluster = await fakeCluster({
      14: (_, socket) => asked.resolve(socket),
      15: response(Buffer.from('filename\x02photo.jpg')),
    })
    await using folder = await temporaryFolder()
    const downloading = rejection(cluster.client.downloadFile(ID, folder.path))
    const socket = await asked.promise
    await writeFile(folder.join('photo.jpg'), 'mine')
    socket.write(response(CONTENT))
    expect(await downloading).toMatchObject({
      name: 'InvalidArgumentError',
      reason: expect.stringContaining('is there already') as string,
    })
    expect(await readFile(folder.join('photo.jpg'), 'utf8')).toBe('mine')
    expect(await folder.names()).toEqual(['photo.jpg'])
  })

  it('works for many files', async () => {
    await using cluster = await named('photo.jpg')
    await using folder = await temporaryFolder()
    const [result] = await cluster.client.downloadFiles([{ id: ID, path: folder.path }])
    expect(result).toMatchObject({ status: 'fulfilled', value: { path: folder.join('photo.jpg') } })
  })

  it('of a path that is none says nothing of a folder', async () => {
    await using cluster = await named('photo.jpg')
    await using folder = await temporaryFolder()
    expect(await cluster.client.downloadFile(ID, folder.join('copy'))).not.toHaveProperty('path')
    expect(cluster.commands()).toEqual([14])
  })
})
