import { MemoryStore, Storage, Tracker } from '../../src/server/index.js'
import {
  appendBody,
  GROUP,
  metadataBody,
  modifyBody,
  nameIn,
  slaveBody,
  truncateBody,
  uploadBody,
} from './group.js'
import { bytes, i64, RawClient, type RawResponse, str } from './raw.js'

const MISSING = 'M00/00/00/oYYBAGsCbjeAekHAAAAADcRYHyQ082.txt'
const MISSING_APPENDER = 'M00/00/00/oYYBAGsCbjeEekHAAAAADcRYHyQ082.txt'

const download = (name: string, offset = 0, count = 0): Buffer => bytes(i64(offset), i64(count), GROUP, name)
const link = (source: string): Buffer =>
  bytes(i64(0), i64(source.length), i64(1), GROUP, str('', 16), str('txt', 6), source, 's')

it('counts what real storages count', async () => {
  await using tracker = new Tracker()
  await tracker.start()
  const store = new MemoryStore()
  await using storage = new Storage({
    group: 'group1',
    id: 100001,
    trackers: [{ host: '127.0.0.1', port: tracker.port }],
    store,
  })
  await storage.start()
  await storage.whenActive()
  const ask = async (command: number, body: Buffer): Promise<RawResponse> => {
    const raw = await RawClient.connect(storage.port)
    try {
      return await raw.ask(command, body)
    } finally {
      raw.close()
    }
  }
  const normal = nameIn(await ask(11, uploadBody('x'.repeat(100))))
  const empty = nameIn(await ask(11, uploadBody('')))
  const large = nameIn(await ask(11, uploadBody('x'.repeat(700_000))))
  const appender = nameIn(await ask(23, uploadBody('y'.repeat(50))))
  const slave = nameIn(await ask(21, slaveBody(normal, '_s', 'slave')))
  const requests: [command: number, body: Buffer][] = [
    [11, bytes(0, i64(5), str('txt', 6), 'abc')],
    [11, uploadBody('x', 'a b')],
    [21, slaveBody(normal, '_s', 'slave')],
    [21, slaveBody(MISSING, '_s', 'slave')],
    [14, download(normal)],
    [14, download(normal, 10, 20)],
    [14, download(large)],
    [14, download(empty)],
    [14, download(MISSING)],
    [14, download(normal, 500)],
    [24, appendBody(appender, 'abc')],
    [24, appendBody(appender, 'z'.repeat(400_000))],
    [24, appendBody(appender, '')],
    [24, appendBody(MISSING_APPENDER, 'abc')],
    [24, appendBody(normal, 'abc')],
    [34, modifyBody(appender, 0, 'abc')],
    [34, modifyBody(appender, 10_000_000, 'abc')],
    [34, modifyBody(MISSING_APPENDER, 0, 'abc')],
    [36, truncateBody(appender, 10)],
    [36, truncateBody(appender, 10)],
    [36, truncateBody(MISSING_APPENDER, 10)],
    [13, metadataBody(normal, 'O', 'a\x021')],
    [13, metadataBody(normal, 'M', 'b\x021')],
    [13, metadataBody(slave, 'O', '')],
    [13, metadataBody(MISSING, 'O', 'a\x021')],
    [15, bytes(GROUP, normal)],
    [15, bytes(GROUP, large)],
    [22, bytes(GROUP, normal)],
    [22, bytes(GROUP, appender)],
    [20, link(normal)],
    [20, link(MISSING)],
    [12, bytes(GROUP, normal)],
    [12, bytes(GROUP, empty)],
    [12, bytes(GROUP, MISSING)],
    [38, Buffer.from(appender)],
    [38, Buffer.from(MISSING_APPENDER)],
  ]
  for (const [command, body] of requests) await ask(command, body)
  await storage.stop()
  const text = (await store.own.read('storage_stat.dat'))?.toString() ?? ''
  const counted = text.split('\n').filter((line) => /^(?:total|success)_.*=[1-9]/.test(line))
  // As a V6.16.1 storage reported them after the same requests.
  expect(counted.sort()).toEqual(
    [
      ...['total_upload_count=5', 'success_upload_count=5'],
      ...['total_append_count=2', 'success_append_count=2'],
      ...['total_modify_count=1', 'success_modify_count=1'],
      ...['total_truncate_count=1', 'success_truncate_count=1'],
      ...['total_set_meta_count=3', 'success_set_meta_count=3'],
      ...['total_delete_count=2', 'success_delete_count=2'],
      ...['total_download_count=3', 'success_download_count=3'],
      ...['total_get_meta_count=1', 'success_get_meta_count=1'],
      ...['total_create_link_count=2', 'success_create_link_count=1'],
      ...['total_upload_bytes=700155', 'success_upload_bytes=700155'],
      ...['total_append_bytes=400003', 'success_append_bytes=400003'],
      ...['total_modify_bytes=3', 'success_modify_bytes=3'],
      ...['total_download_bytes=700120', 'success_download_bytes=700120'],
      ...['total_file_open_count=15', 'success_file_open_count=15'],
      ...['total_file_read_count=8', 'success_file_read_count=8'],
      ...['total_file_write_count=11', 'success_file_write_count=11'],
    ].sort(),
  )
})
