/** The file IDs that real servers gave, and the content that they gave them for. */
import { crc32, crc32V511, parseFileId } from '../../src/file-id/index.js'
import type { CapturedPacket, Exchange } from '../support/captures.js'
import { exchangesOf } from '../support/captures.js'

interface Upload {
  file: string
  cmd: number
  /** The request's body. */
  request: Buffer
  /** The answer's: 16 bytes of group, and the logic filename. */
  id: string
}

const body = (packet: CapturedPacket): Buffer => Buffer.from(packet.hex, 'hex').subarray(10)

/** Uploads of a file (11), a slave (21) and an appender (23), and renamed appenders (38). */
function uploadOf({ file, to, request, response }: Exchange): Upload[] {
  if (to !== 'storage' || ![11, 21, 23, 38].includes(request.cmd) || response?.status !== 0) return []
  const reply = body(response).toString('latin1')
  const id = `${reply.slice(0, 16).replace(/\0+$/, '')}/${reply.slice(16)}`
  return [{ file: file.replace('captures/', ''), cmd: request.cmd, request: body(request), id }]
}

const uploads = exchangesOf('captures').flatMap(uploadOf)
const FILES = [...new Set(uploads.map(({ file }) => file))]

describe.each(FILES)('%s', (file) => {
  const all = uploads.filter((upload) => upload.file === file)
  const ofCommand = (...commands: number[]): Upload[] => all.filter(({ cmd }) => commands.includes(cmd))
  const content = ({ request }: Upload): Buffer => request.subarray(15)
  const crc = file === 'v5.11.jsonl' ? crc32V511 : crc32

  it('has uploads of all kinds', () => {
    expect(ofCommand(11).length).toBeGreaterThanOrEqual(6)
    expect(ofCommand(21).length).toBeGreaterThanOrEqual(2)
    expect(ofCommand(23).length).toBeGreaterThanOrEqual(2)
    expect(ofCommand(38)).toHaveLength(file === 'v5.11.jsonl' ? 0 : 1)
  })

  it('gives uploads names with the size and the CRC32 of their content', () => {
    for (const upload of ofCommand(11)) {
      const size = content(upload).length
      const trunk = file === 'v6.16.1-trunk.jsonl' ? { id: 1 } : undefined
      const found = parseFileId(upload.id)
      expect(found).toMatchObject({ kind: 'normal', size, crc32: crc(content(upload)), appender: false })
      expect(found.trunk).toEqual(trunk && expect.objectContaining(trunk))
      // The header of a slot has 24 bytes (§7).
      expect(found.trunk?.size ?? size + 24).toBeGreaterThanOrEqual(size + 24)
    }
  })

  it('gives appenders names with the CRC32 of their first content', () => {
    for (const upload of ofCommand(23)) {
      const found = { kind: 'appender', appender: true, size: undefined, crc32: crc(content(upload)) }
      expect(parseFileId(upload.id)).toMatchObject(found)
    }
  })

  it('gives slaves and renamed appenders names that say so', () => {
    for (const { id } of ofCommand(21)) {
      expect(parseFileId(id)).toMatchObject({
        kind: 'slave',
        suffix: expect.stringMatching(/_big$/) as string,
      })
    }
    for (const { id } of ofCommand(38)) expect(parseFileId(id)).toMatchObject({ kind: 'normal', size: 12 })
  })

  it('puts the same storage into all names', () => {
    const source =
      file === 'v6.16.1-storage-ids.jsonl' ? { kind: 'id', id: 100001 } : { kind: 'ip', ip: '10.77.0.11' }
    for (const { id } of all) {
      expect(parseFileId(id)).toMatchObject({ id, group: 'group1', storePathIndex: 0, source })
    }
  })
})
