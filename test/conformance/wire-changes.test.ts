/** Slaves and appenders, by packets that the client would never send (protocol.md §3.1, §3.2, §3.8). */
import { splitFileId } from '../../src/file-id/index.js'
import type { Command, ResponseOf } from '../../src/protocol/index.js'
import { decodeResponse, encodeRequest, storageCommands } from '../../src/protocol/index.js'
import { open } from './raw.js'
import { missingLike, noise, targets, useTarget } from './target.js'

const { uploadAppenderFile, uploadSlaveFile, appendFile, modifyFile, truncateFile } = storageCommands

describe.each(targets)('changes on the wire of $name', (target) => {
  const fixture = useTarget(target)
  let normal: { id: string; group: string; name: string; endpoint: string }
  let appender: string
  let version: string

  /** One request, its status, and what it answered. */
  async function ask<C extends Command>(
    command: C,
    packet: Buffer,
  ): Promise<{ status: number; fields: ResponseOf<C> | undefined }> {
    await using storage = await open(normal.endpoint)
    const answer = await storage.ask(packet)
    const fields = answer.status === 0 ? (decodeResponse(command, answer.packet) as ResponseOf<C>) : undefined
    return { status: answer.status, fields }
  }

  async function make<C extends typeof uploadAppenderFile | typeof uploadSlaveFile>(
    command: C,
    packet: Buffer,
  ): Promise<string> {
    const { status, fields } = await ask(command, packet)
    expect(status).toBe(0)
    const { group, name } = fields as { group: string; name: string }
    fixture.track(`${group}/${name}`)
    return name
  }

  const contentOf = (name: string): Promise<Buffer> => fixture.client.downloadFile(`${normal.group}/${name}`)
  const missing = (name: string): string => splitFileId(missingLike(`${normal.group}/${name}`)).name

  beforeEach(async () => {
    normal = await fixture.upload(noise(100), { ext: 'bin' })
    version = await fixture.storageVersion(normal.group)
    const content = Buffer.from('0123456789')
    appender = await make(
      uploadAppenderFile,
      encodeRequest(uploadAppenderFile, { storePathIndex: 0, ext: 'log', content }),
    )
  })

  describe('appenders', () => {
    const append = (name: string, text: string): Buffer =>
      encodeRequest(appendFile, { name, content: Buffer.from(text) })
    const modify = (name: string, offset: number, text: string): Buffer =>
      encodeRequest(modifyFile, { name, offset, content: Buffer.from(text) })
    const truncate = (name: string, newSize: number): Buffer => encodeRequest(truncateFile, { name, newSize })

    it('have the bit in their name, and no size', () => {
      expect(appender).toMatch(/^M00\/[0-9A-F]{2}\/[0-9A-F]{2}\/.{27}\d{3}\.log$/)
      expect(Buffer.from(appender.slice(10, 37), 'base64url').readUInt32BE(8) >>> 24).toBe(0x84)
    })

    it('grow by what is appended', async () => {
      expect((await ask(appendFile, append(appender, 'abc'))).status).toBe(0)
      expect((await ask(appendFile, append(appender, 'def'))).status).toBe(0)
      expect((await contentOf(appender)).toString()).toBe('0123456789abcdef')
      expect(await fixture.client.fileInfo(`${normal.group}/${appender}`)).toMatchObject({ size: 16 })
    })

    it.each([
      [0, 'XY', 'XY23456789'],
      [5, 'XY', '01234XY789'],
      [9, 'XYZ', '012345678XYZ'],
      [10, 'XY', '0123456789XY'],
    ])('are modified at %i by %j', async (offset, text, result) => {
      expect((await ask(modifyFile, modify(appender, offset, text))).status).toBe(0)
      expect((await contentOf(appender)).toString()).toBe(result)
    })

    it.each([
      [4, '0123'],
      [1, '0'],
    ])('are cut to %i bytes', async (size, result) => {
      expect((await ask(truncateFile, truncate(appender, size))).status).toBe(0)
      expect((await contentOf(appender)).toString()).toBe(result)
    })

    it('are cut to nothing', async () => {
      expect((await ask(truncateFile, truncate(appender, 0))).status).toBe(0)
      expect(await fixture.client.fileInfo(`${normal.group}/${appender}`)).toMatchObject({ size: 0 })
    })

    it('are extended by zeros, but not up to V5.11', async () => {
      const status = version.startsWith('5.') ? 22 : 0
      expect((await ask(truncateFile, truncate(appender, 12))).status).toBe(status)
      expect((await contentOf(appender)).toString()).toBe(status === 0 ? '0123456789\0\0' : '0123456789')
    })

    it.each<[string, typeof appendFile | typeof modifyFile | typeof truncateFile, () => Buffer]>([
      ['append of nothing', appendFile, () => append(appender, '')],
      ['modification by nothing', modifyFile, () => modify(appender, 3, '')],
      ['truncation to the same size', truncateFile, () => truncate(appender, 10)],
    ])('answer an %s with the body of the request', async (_, command, packet) => {
      const { status, fields } = await ask<typeof appendFile>(command as typeof appendFile, packet())
      expect(status).toBe(0)
      expect(fields?.echo).toEqual(packet().subarray(10))
      expect((await contentOf(appender)).toString()).toBe('0123456789')
    })

    it.each<[string, () => Buffer, number]>([
      ['an append to a missing file', () => append(missing(appender), 'x'), 2],
      ['a modification of a missing file', () => modify(missing(appender), 0, 'x'), 2],
      ['a truncation of a missing file', () => truncate(missing(appender), 1), 2],
      ['an append to a normal file', () => append(normal.name, 'x'), 22],
      ['a modification of a normal file', () => modify(normal.name, 0, 'x'), 22],
      ['a truncation of a normal file', () => truncate(normal.name, 1), 22],
      ['an append to a short name', () => append(appender.slice(0, 43), 'x'), 22],
      ['a modification behind the end', () => modify(appender, 11, 'x'), 22],
      ['a modification at a negative offset', () => modify(appender, -1, 'x'), 22],
      ['a truncation to a negative size', () => truncate(appender, -1), 22],
    ])('answer %s', async (_, packet, status) => {
      await using storage = await open(normal.endpoint)
      expect((await storage.ask(packet())).status).toBe(status)
      expect((await contentOf(appender)).toString()).toBe('0123456789')
    })

    it('become normal files, once; an unknown command to V5', async () => {
      const regenerate = storageCommands.regenerateAppenderFilename
      const packet = encodeRequest(regenerate, { name: appender })
      const { status, fields } = await ask(regenerate, packet)
      if (version.startsWith('5.')) return expect(status).toBe(22)
      expect(status).toBe(0)
      const { group, name } = fields as { group: string; name: string }
      fixture.track(`${group}/${name}`)
      // Same path, directories, digits and extension; size and CRC32 of the content.
      expect(name.slice(0, 10)).toBe(appender.slice(0, 10))
      expect(name.slice(-7)).toBe(appender.slice(-7))
      const words = Buffer.from(name.slice(10, 37), 'base64url')
      expect([words.readUInt8(8), words.readUInt32BE(12), words.readUInt32BE(16)]).toEqual([
        0x80, 10, 0xa684c7c6,
      ])
      expect((await contentOf(name)).toString()).toBe('0123456789')
      expect((await ask(regenerate, packet)).status).toBe(2)
      expect((await ask(regenerate, encodeRequest(regenerate, { name }))).status).toBe(22)
    })

    it('lose their metadata with their name', async () => {
      if (version.startsWith('5.')) return
      const regenerate = storageCommands.regenerateAppenderFilename
      await fixture.client.setMetadata(`${normal.group}/${appender}`, { a: '1' })
      const { fields } = await ask(regenerate, encodeRequest(regenerate, { name: appender }))
      const { group, name } = fields as { group: string; name: string }
      fixture.track(`${group}/${name}`)
      expect(await fixture.client.getMetadata(`${group}/${name}`)).toEqual({})
      // Real storages leave it behind as a file of its own.
      fixture.track(`${normal.group}/${appender}-m`)
    })
  })

  describe('slaves', () => {
    const slaveOf = (masterName: string, prefix: string, ext: string, content = noise(50)): Buffer =>
      encodeRequest(uploadSlaveFile, { masterName, prefix, ext, content })

    it.each([
      ['_150x150', 'jpg', (name: string) => name.replace(/\.bin$/, '_150x150.jpg')],
      ['_thumbnail', '', (name: string) => name.replace(/\.bin$/, '_thumbnail')],
      ['-big', 'tar.gz', (name: string) => name.replace(/\.bin$/, '-big.tar.gz')],
    ])('are named after their master: %j, %j', async (prefix, ext, expected) => {
      const name = await make(uploadSlaveFile, slaveOf(normal.name, prefix, ext))
      expect(name).toBe(expected(normal.name))
      expect(await contentOf(name)).toEqual(noise(50))
      expect((await ask(uploadSlaveFile, slaveOf(normal.name, prefix, ext))).status).toBe(17)
    })

    it('may have slaves', async () => {
      const slave = await make(uploadSlaveFile, slaveOf(normal.name, '_a', 'jpg'))
      expect(await make(uploadSlaveFile, slaveOf(slave, '_b', 'png'))).toBe(slave.replace(/\.jpg$/, '_b.png'))
    })

    it('outlive their master', async () => {
      const slave = await make(uploadSlaveFile, slaveOf(normal.name, '_a', 'jpg'))
      await fixture.client.deleteFile(normal.id)
      expect(await contentOf(slave)).toEqual(noise(50))
    })

    it.each<[string, () => Buffer, number]>([
      ['no prefix', () => slaveOf(normal.name, '', 'jpg'), 22],
      ['a prefix like that of metadata', () => slaveOf(normal.name, '-m', ''), 22],
      ['other characters in the prefix', () => slaveOf(normal.name, 'a/b', 'jpg'), 22],
      ['other characters in the extension', () => slaveOf(normal.name, '_a', 'j/g'), 22],
      ['a missing master', () => slaveOf(missing(normal.name), '_a', 'jpg'), 2],
      ['a master that is no name', () => slaveOf('M00/00/00/', '_a', 'jpg'), 22],
    ])('are refused with %s', async (_, packet, status) => {
      await using storage = await open(normal.endpoint)
      expect((await storage.ask(packet())).status).toBe(status)
    })
  })
})
