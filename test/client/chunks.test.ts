import fc from 'fast-check'
import { Chunks } from '../../src/client/chunks.js'
import { Call } from '../../src/net/call.js'
import { bytesOf } from './fakes.js'

/** All chunks, copied: their buffers are used again. */
async function chunksOf(
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  size: number,
): Promise<Buffer[]> {
  const chunks = new Chunks(pieces, size, new Call({}))
  const all: Buffer[] = []
  for (;;) {
    const { bytes, isLast } = await chunks.next()
    all.push(Buffer.from(bytes))
    if (isLast) return all
  }
}

it('pieces of any size are cut into chunks of one size, of which none but that of nothing is empty', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(200_000), { maxLength: 8 }),
      fc.integer({ min: 1, max: 300_000 }),
      fc.boolean(),
      async (sizes, given, isAsync) => {
        const content = bytesOf(sizes.reduce((sum, one) => sum + one, 0))
        // Few chunks, also of large content.
        const size = Math.max(given, Math.ceil(content.length / 50))
        let at = 0
        const pieces = sizes.map((one) => content.subarray(at, (at += one)))
        const chunks = await chunksOf(
          isAsync
            ? (async function* () {
                yield* pieces
              })()
            : pieces,
          size,
        )
        expect(Buffer.concat(chunks).equals(content)).toBe(true)
        expect(chunks).toHaveLength(Math.max(1, Math.ceil(content.length / size)))
        expect(chunks.slice(0, -1).every((chunk) => chunk.length === size)).toBe(true)
      },
    ),
    { numRuns: 60 },
  )
}, 30_000)

it('a chunk holds while the next one is read', async () => {
  const content = bytesOf(300)
  const chunks = new Chunks([content], 100, new Call({}))
  const first = await chunks.next()
  const second = await chunks.next()
  expect(first.bytes).toEqual(content.subarray(0, 100))
  expect(second).toEqual({ bytes: content.subarray(100, 200), isLast: false })
  expect(await chunks.next()).toEqual({ bytes: content.subarray(200), isLast: true })
})

it('the next chunk ends with the call, and the pieces are let go', async () => {
  const abort = new AbortController()
  let isLetGo = false
  const stuck: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise(() => {}),
      return: async () => {
        isLetGo = true
        return { value: undefined, done: true }
      },
    }),
  }
  const chunks = new Chunks(stuck, 10, new Call({ signal: abort.signal }))
  const next = chunks.next()
  abort.abort()
  await expect(next).rejects.toMatchObject({ name: 'AbortError' })
  chunks.close()
  expect(isLetGo).toBe(true)
})
