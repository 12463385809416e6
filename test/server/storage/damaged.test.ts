/** A storage whose own files are damaged goes on: with what the others of its group know, and with names by the book. */
import type { OwnFiles, Store } from '../../../src/server/index.js'
import { GROUP, metadataBody, nameIn, TestGroup, uploadBody } from '../group.js'
import { bytes } from '../raw.js'

const FILES = [
  'sync/binlog.000',
  'sync/binlog_index.dat',
  'sync/versions.log',
  'sync/100002.mark',
  '.data_init_flag',
  'storage_stat.dat',
]
const DAMAGES: Readonly<Record<string, (text: string) => string>> = {
  empty: () => '',
  'cut in half': (text) => text.slice(0, text.length / 2),
  zeros: (text) => '\0'.repeat(text.length),
  noise: (text) => text.replace(/./gs, (_, at: number) => String.fromCharCode((at * 167 + 89) & 0xff)),
  'below zero': (text) => text.replace(/=(\d)/g, '=-$1'),
  fractions: (text) => text.replace(/=(\d+)/g, '=$1.5'),
  'without end': (text) => text.replace(/=(\d+)/g, `=${'9'.repeat(20)}$1`),
}

describe.each(FILES)('%s', (file) => {
  it.each(Object.entries(DAMAGES))('%s', async (_, damage) => {
    const group = new TestGroup()
    try {
      await group.start(1, 2)
      const name = nameIn(await group.ask(0, 11, uploadBody('kept')))
      const gone = nameIn(await group.ask(1, 11, uploadBody('gone')))
      expect((await group.ask(0, 13, metadataBody(name, 'O', 'a\x021'))).status).toBe(0)
      await group.settle()
      expect((await group.ask(0, 12, bytes(GROUP, gone))).status).toBe(0)
      await group.settle()
      await group.storages[0]?.stop()
      const { own } = group.stores[0] as Store as { own: OwnFiles }
      const text = String(await own.read(file))
      await own.write(file, Buffer.from(damage(text), 'latin1'))
      await group.storages[0]?.start()
      await group.storages[0]?.whenActive()
      const first = nameIn(await group.ask(0, 11, uploadBody('first')))
      expect(first).toMatch(/^M00\/00\/00\/[\w-]{27}\d{3}\.txt$/)
      const second = nameIn(await group.ask(1, 11, uploadBody('second')))
      await group.settle()
      const all = { [name]: 'kept', [`${name}-m`]: 'a\x021', [first]: 'first', [second]: 'second' }
      expect([await group.files(0), await group.files(1)]).toEqual([all, all])
    } finally {
      await group.stop()
    }
  })
})
