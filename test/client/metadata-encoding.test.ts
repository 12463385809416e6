/** Metadata in other encodings than UTF-8 (protocol.md §3.5). */
import fc from 'fast-check'
import { decodeMetadata, encodeMetadata } from '../../src/protocol/index.js'
import { response } from '../support/fake-server.js'
import type { FakeCluster } from './fakes.js'
import { APPENDER_ID, CONTENT, fakeCluster, ID, NAME, OK, rejection, STORED } from './fakes.js'

const GBK = Buffer.from('d7f7d5df02cdf5d0a1c3f7', 'hex')
const ITEMS = { 作者: '王小明' }

/** The metadata of a request of command 13. */
function sent(cluster: FakeCluster): string {
  const request = cluster.storage.requests.find((packet) => packet[8] === 13) as Buffer
  return request.subarray(request.length - Number(request.readBigInt64BE(18))).toString('hex')
}

describe('GBK', () => {
  const answers = { 13: OK, 15: response(GBK), 21: STORED }

  it.each<[string, (cluster: FakeCluster, options: { metadataEncoding?: string }) => Promise<unknown>]>([
    ['setMetadata', ({ client }, options) => client.setMetadata(ID, ITEMS, options)],
    ['mergeMetadata', ({ client }, options) => client.mergeMetadata(ID, ITEMS, options)],
    ['uploadFile', ({ client }, options) => client.uploadFile(CONTENT, { metadata: ITEMS, ...options })],
    [
      'uploadSlaveFile',
      ({ client }, options) =>
        client.uploadSlaveFile(ID, CONTENT, { prefix: '_s', metadata: ITEMS, ...options }),
    ],
  ])('is written by %s, told to the call or to the client', async (_, run) => {
    await using byCall = await fakeCluster(answers)
    await run(byCall, { metadataEncoding: 'gbk' })
    expect(sent(byCall)).toBe(GBK.toString('hex'))
    await using byClient = await fakeCluster(answers, { metadataEncoding: 'gbk' })
    await run(byClient, {})
    expect(sent(byClient)).toBe(GBK.toString('hex'))
    byClient.storage.requests.splice(0)
    await run(byClient, { metadataEncoding: 'utf8' })
    expect(sent(byClient)).toBe(Buffer.from('作者\x02王小明').toString('hex'))
  })

  it('is read, told to the call or to the client', async () => {
    await using byCall = await fakeCluster(answers)
    expect(await byCall.client.getMetadata(ID, { metadataEncoding: 'GBK' })).toEqual(ITEMS)
    await using byClient = await fakeCluster(answers, { metadataEncoding: 'gb18030' })
    expect(await byClient.client.getMetadata(ID)).toEqual(ITEMS)
  })

  it('that is read as UTF-8 is an error that shows it, and so is the other way round', async () => {
    await using cluster = await fakeCluster(answers)
    expect(await rejection(cluster.client.getMetadata(ID))).toMatchObject({
      name: 'ProtocolError',
      command: 'getMetadata',
      endpoint: cluster.storage.address,
      fileId: ID,
      retriable: false,
      reason:
        'metadata is not UTF-8: "×÷Õß": if it was written in another encoding, name that as metadataEncoding',
    })
    await using other = await fakeCluster({ 15: response(Buffer.from('a\x02é€')) })
    expect(await rejection(other.client.getMetadata(ID, { metadataEncoding: 'euc-kr' }))).toMatchObject({
      name: 'ProtocolError',
      reason: expect.stringContaining(
        `metadata is not euc-kr: ${JSON.stringify(Buffer.from('é€').toString('latin1'))}`,
      ) as string,
    })
  })

  it('as raw bytes is a character for each', async () => {
    await using cluster = await fakeCluster(answers)
    const raw = await cluster.client.getMetadata(ID, { metadataEncoding: 'raw' })
    expect(raw).toEqual({ '×÷Õß': 'ÍõÐ¡Ã÷' })
    await cluster.client.setMetadata(ID, raw, { metadataEncoding: 'raw' })
    expect(sent(cluster)).toBe(GBK.toString('hex'))
  })

  it('stays as it is when an appender is regenerated, whatever the encoding', async () => {
    await using cluster = await fakeCluster({ ...answers, 38: STORED })
    await cluster.client.regenerateAppenderFile(APPENDER_ID)
    expect(cluster.commands()).toEqual([15, 38, 13, 12])
    expect(sent(cluster)).toBe(GBK.toString('hex'))
    expect(cluster.storage.requests[2]?.includes(NAME)).toBe(true)
  })

  it('names the file that keepFilename keeps', async () => {
    await using cluster = await fakeCluster(answers)
    const options = { filename: '王小明', keepFilename: true, metadataEncoding: 'gbk' }
    await cluster.client.uploadFile(CONTENT, options)
    expect(sent(cluster)).toBe(Buffer.from('filename\x02').toString('hex') + 'cdf5d0a1c3f7')
  })
})

it.each(['setMetadata', 'getMetadata', 'mergeMetadata'] as const)(
  '%s refuses what is no encoding, before anything is sent',
  async (method) => {
    await using cluster = await fakeCluster()
    const options = { metadataEncoding: 'utf-9' }
    const calling =
      method === 'getMetadata' ? cluster.client[method](ID, options) : cluster.client[method](ID, {}, options)
    expect(await rejection(calling)).toMatchObject({
      name: 'InvalidArgumentError',
      reason: '"utf-9" is not the name of a known encoding',
    })
    expect(cluster.tracker.connections).toHaveLength(0)
  },
)

describe('a text', () => {
  it.each<[string, string, string]>([
    ['gbk', '王小明', 'cdf5d0a1c3f7'],
    ['gbk', '€', '80'],
    ['gb18030', '王', 'cdf5'],
    ['big5', '王小明', 'a4fda470a9fa'],
    ['shift_jis', '日本語ｱ', '93fa967b8cea' + 'b1'],
    ['euc-jp', '日本語', 'c6fccbdcb8ec'],
    ['euc-kr', '한국어', 'c7d1b1b9beee'],
    ['windows-1251', 'Привет', 'cff0e8e2e5f2'],
    ['windows-1252', '\0é€\x81ŸÿA', '00e980819fff41'],
    ['iso-8859-1', '“é”', '93e994'],
    ['iso-8859-2', 'ł', 'b3'],
    ['koi8-r', 'Привет', 'f0d2c9d7c5d4'],
    ['utf-8', 'é€😀', 'c3a9e282acf09f9880'],
    ['utf-16le', 'é王', 'e9008b73'],
    ['utf-16be', 'é王', '00e9738b'],
    ['raw', 'é\0ÿ', 'e900ff'],
  ])('in %s is %j', (encoding, text, hex) => {
    expect(encodeMetadata({ a: text }, encoding).subarray(encoding.startsWith('utf-16') ? 3 : 2)).toEqual(
      encoding === 'utf-16be' ? Buffer.from(`02${hex}`, 'hex').subarray(1) : Buffer.from(hex, 'hex'),
    )
  })

  it.each<[string, string, string]>([
    ['gbk', '😀', '"😀", which is not in gbk'],
    ['big5', '简', '"简", which is not in big5'],
    ['shift_jis', 'é', '"é", which is not in shift_jis'],
    ['latin1', '王', '"王", which is not in windows-1252'],
    ['iso-8859-1', 'x王', '"王", which is not in windows-1252'],
    ['iso-2022-jp', '日', '"日", which is not in iso-2022-jp'],
    ['raw', 'é王', '"王", which is not in raw (a character for each byte)'],
  ])('that %s cannot hold is refused', (encoding, text, message) => {
    expect(() => encodeMetadata({ a: text }, encoding)).toThrow(`the metadata value of "a" holds ${message}`)
    expect(() => encodeMetadata({ [text]: '' }, encoding)).toThrow(
      `the metadata name of ${JSON.stringify(text)} holds ${message}`,
    )
  })

  it('is as long as its bytes', () => {
    expect(encodeMetadata({ ['王'.repeat(32)]: '明'.repeat(128) }, 'gbk')).toHaveLength(64 + 1 + 256)
    expect(() => encodeMetadata({ ['王'.repeat(33)]: '' }, 'gbk')).toThrow('is 66 bytes long, at most 64')
    expect(() => encodeMetadata({ a: '明'.repeat(129) }, 'gbk')).toThrow('is 258 bytes long, at most 256')
    expect(encodeMetadata({ a: 'é'.repeat(256) }, 'latin1')).toHaveLength(258)
  })

  it('whose bytes are separators is refused', () => {
    expect(() => encodeMetadata({ a: 'ā' }, 'utf-16le')).toThrow('holds a separator')
    expect(() => encodeMetadata({ a: '\x02' }, 'gbk')).toThrow('holds a separator')
  })

  it('in no encoding is refused', () => {
    expect(() => encodeMetadata({}, 'utf-9')).toThrow('"utf-9" is not the name of a known encoding')
    expect(() => decodeMetadata(Buffer.alloc(0), 'x')).toThrow('"x" is not the name of a known encoding')
  })
})

const labels = [
  'gbk',
  'gb18030',
  'big5',
  'shift_jis',
  'euc-jp',
  'euc-kr',
  'iso-2022-jp',
  'ibm866',
  'koi8-r',
  'koi8-u',
  'macintosh',
  'windows-874',
  'x-mac-cyrillic',
  ...Array.from({ length: 9 }, (_, i) => `windows-125${i}`),
  ...[1, 2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15].map((part) => `iso-8859-${part}`),
]

describe.each(labels)('%s', (label) => {
  /** Every character that can be made of one byte or two. */
  const characters = ((): string[] => {
    const decoder = new TextDecoder(label)
    const found = new Set<string>()
    for (let first = 0; first <= 0xff; first++) {
      for (let second = 0x3f; second <= 0xff; second++) {
        for (const character of decoder.decode(Uint8Array.of(first, second))) found.add(character)
      }
    }
    for (const unusable of ['\ufffd', '\x01', '\x02']) found.delete(unusable)
    // Node 20 decodes windows-1252 wrongly there.
    if (['windows-1252', 'iso-8859-1'].includes(label)) {
      for (let byte = 0x80; byte < 0xa0; byte++) found.delete(String.fromCharCode(byte))
    }
    return [...found]
  })()

  it('brings back every text of what it can hold', () => {
    const text = fc.array(fc.constantFrom(...characters), { maxLength: 100 }).map((list) => list.join(''))
    fc.assert(
      fc.property(text, (value) => {
        let bytes
        try {
          bytes = encodeMetadata({ n: value }, label)
        } catch (error) {
          // The few that stand only in a sequence of two characters, or behind a shift.
          expect((error as Error).message).toMatch(/which is not in/)
          return
        }
        expect(decodeMetadata(bytes, label)).toEqual({ n: value })
      }),
      { numRuns: 200 },
    )
  })

  it('holds nearly all of them, one by one', () => {
    const lacking = characters.filter((character) => {
      try {
        return decodeMetadata(encodeMetadata({ n: character }, label), label)['n'] !== character
      } catch {
        return true
      }
    })
    expect(lacking.length).toBeLessThan(5)
  })

  it('never replaces anything in bytes that it reads', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 20 }), (bytes) => {
        const value = Buffer.from(bytes.filter((byte) => byte > 2))
        try {
          const { n } = decodeMetadata(Buffer.concat([Buffer.from('n\x02'), value]), label)
          expect(n).not.toContain('\ufffd')
        } catch (error) {
          expect(error).toMatchObject({ name: 'ProtocolError' })
        }
      }),
      { numRuns: 200 },
    )
  })
})
