/** Statuses and closed connections, asked for with packets that the client would never send (protocol.md §1.1, §3.8). */
import { splitFileId } from '../../src/file-id/index.js'
import { decodeResponse, encodeRequest, storageCommands, trackerCommands } from '../../src/protocol/index.js'
import { open, request } from './raw.js'
import { missingLike, noise, everyTarget, useTarget } from './target.js'

describe.each(everyTarget)('the wire of $name', (target) => {
  const fixture = useTarget(target)
  let version: string
  let file: { id: string; group: string; name: string; endpoint: string }

  beforeEach(async () => {
    file = await fixture.upload(noise(100))
    version = await fixture.storageVersion(file.group)
  })

  /** Old trackers close after 22 like storages (§1.1). */
  const closesTracker = (): boolean => version.startsWith('5.') || version.startsWith('6.0')

  const groupField = (): Buffer => {
    const bytes = Buffer.alloc(16)
    bytes.write(file.group)
    return bytes
  }

  describe('trackers', () => {
    it.each<[string, () => Buffer, number]>([
      ['ACTIVE_TEST', () => request(111), 0],
      ['ACTIVE_TEST with a body', () => request(111, Buffer.alloc(1)), 22],
      ['an unknown command of trackers', () => request(200), 22],
      ['101 with a body', () => request(101, Buffer.alloc(1)), 22],
      ['104 with a short body', () => request(104, Buffer.alloc(15)), 22],
      [
        '104 of an unknown group',
        () => encodeRequest(trackerCommands.queryStoreWithGroupOne, { group: 'nope' }),
        2,
      ],
      [
        '102 of an unknown group',
        () => encodeRequest(trackerCommands.queryFetchOne, { group: 'nope', name: file.name }),
        2,
      ],
      [
        '102 of a missing file',
        () => encodeRequest(trackerCommands.queryFetchOne, splitFileId(missingLike(file.id))),
        0,
      ],
      [
        '102 of 40 exclamation marks',
        () => encodeRequest(trackerCommands.queryFetchOne, { group: file.group, name: '!'.repeat(40) }),
        0,
      ],
      [
        '102 of 21 characters',
        () => encodeRequest(trackerCommands.queryFetchOne, { group: file.group, name: '!'.repeat(21) }),
        22,
      ],
      [
        '102 of 128 characters',
        () => encodeRequest(trackerCommands.queryFetchOne, { group: file.group, name: '!'.repeat(128) }),
        22,
      ],
      [
        '102 of a name behind which a NUL stands',
        () => request(102, Buffer.concat([groupField(), Buffer.from(`${file.name}\0junk`)])),
        0,
      ],
      [
        '103 of an unknown group',
        () => encodeRequest(trackerCommands.queryUpdate, { group: 'nope', name: file.name }),
        2,
      ],
      ['a beat of a storage that did not join', () => request(83), 13],
      ['a disk report of a storage that did not join', () => request(84, Buffer.alloc(16)), 13],
      ['92 of an unknown group', () => encodeRequest(trackerCommands.listStorage, { group: 'nope' }), 2],
      [
        '92 of an unknown storage',
        () => encodeRequest(trackerCommands.listStorage, { group: file.group, id: 'nobody' }),
        2,
      ],
    ])('answer %s', async (_, packet, status) => {
      await using tracker = await open(fixture.trackers[0] as string)
      expect((await tracker.ask(packet())).status).toBe(status)
      expect(await tracker.isClosed()).toBe(status === 22 && closesTracker())
    })
  })

  describe('storages', () => {
    const download = (
      fields: Partial<{ offset: number; count: number; group: string; name: string }>,
    ): Buffer =>
      encodeRequest(storageCommands.downloadFile, {
        offset: 0,
        count: 0,
        group: file.group,
        name: file.name,
        ...fields,
      })
    const named =
      (name: string): (() => Buffer) =>
      () =>
        encodeRequest(storageCommands.deleteFile, { group: file.group, name })
    /** Group and name, the first `size` characters of it, a NUL and a text. */
    const withNul = (text: string, size = Infinity): Buffer =>
      Buffer.concat([groupField(), Buffer.from(`${file.name.slice(0, size)}\0${text}`)])
    const encoded = (): string => file.name.slice('M00/00/00/'.length)

    it.each<[string, () => Buffer, number]>([
      ['ACTIVE_TEST', () => request(111), 0],
      ['ACTIVE_TEST with a body', () => request(111, Buffer.alloc(1)), 22],
      ['an unknown command of storages', () => request(200), 22],
      [
        'another group',
        () => encodeRequest(storageCommands.deleteFile, { group: 'other', name: file.name }),
        22,
      ],
      [
        'a missing file: 12',
        () => encodeRequest(storageCommands.deleteFile, splitFileId(missingLike(file.id))),
        2,
      ],
      [
        'a missing file: 13',
        () =>
          encodeRequest(storageCommands.setMetadata, {
            ...splitFileId(missingLike(file.id)),
            flag: 0x4f,
            metadata: Buffer.from('a\x021'),
          }),
        2,
      ],
      ['a missing file: 14', () => download({ name: splitFileId(missingLike(file.id)).name }), 2],
      [
        'a missing file: 15',
        () => encodeRequest(storageCommands.getMetadata, splitFileId(missingLike(file.id))),
        2,
      ],
      [
        'a missing file: 22',
        () => encodeRequest(storageCommands.queryFileInfo, splitFileId(missingLike(file.id))),
        2,
      ],
      ['no metadata', () => encodeRequest(storageCommands.getMetadata, file), 2],
      ['a short name', named('M00/00/00/'), 22],
      ['a path index that is no number', () => named(`MZZ/00/00/${encoded()}`)(), 22],
      ['a path index that is too high', () => named(`M7F/00/00/${encoded()}`)(), 22],
      ['directories in lower case', () => named(`M00/0a/00/${encoded()}`)(), 22],
      ['a way out of the store', () => named(`M00/00/00/../../../${encoded()}`)(), 22],
      ['a third directory', () => named(`M00/00/00/00/${encoded()}`)(), 22],
      ['a negative offset', () => download({ offset: -1 }), 22],
      ['a negative count', () => download({ count: -1 }), 22],
      [
        'a metadata flag that is none',
        () => encodeRequest(storageCommands.setMetadata, { ...file, flag: 0x58, metadata: Buffer.alloc(0) }),
        22,
      ],
      [
        'an upload to a path that is not there',
        () => encodeRequest(storageCommands.uploadFile, { storePathIndex: 7, ext: 'txt', content: noise(5) }),
        22,
      ],
      [
        'an upload with a bad extension',
        () => encodeRequest(storageCommands.uploadFile, { storePathIndex: 0, ext: 'a/b', content: noise(5) }),
        22,
      ],
      [
        'an upload that is shorter than it says',
        () =>
          request(
            11,
            Buffer.concat([Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 9]), Buffer.from('txt\0\0\0'), noise(5)]),
          ),
        22,
      ],
      ['22 of a name behind which a NUL and more stand', () => request(22, withNul('junk')), 0],
      [
        '14 of a name with a NUL at its end',
        () => request(14, Buffer.concat([Buffer.alloc(16), withNul('')])),
        0,
      ],
      ['12 of a name that a NUL cuts', () => request(12, withNul('', 30)), 2],
      ['22 without a name', () => request(22, Buffer.alloc(16)), 22],
      ['14 without a name', () => request(14, Buffer.alloc(32)), 22],
    ])('answer %s', async (_, packet, status) => {
      await using storage = await open(file.endpoint)
      expect((await storage.ask(packet())).status).toBe(status)
      // V6.12.2 leaves the connection open after 22, and then hardly ever answers on it (§12).
      if (status === 22 && version.startsWith('6.12')) return
      expect(await storage.isClosed()).toBe(status === 22)
    })

    it('choose a store path themselves when asked to', async () => {
      await using storage = await open(file.endpoint)
      const upload = encodeRequest(storageCommands.uploadFile, {
        storePathIndex: 0xff,
        ext: '',
        content: noise(5),
      })
      const { packet } = await storage.ask(upload)
      const { group, name } = decodeResponse(storageCommands.uploadFile, packet)
      expect(await fixture.client.downloadFile(`${group}/${name}`)).toEqual(noise(5))
      await fixture.client.deleteFile(`${group}/${name}`)
    })
  })
})
