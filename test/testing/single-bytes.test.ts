/** That the fault which delivers single bytes does so: what the conformance suite is run with once more. */
import { FrameReader } from '../../src/protocol/index.js'
import { startCluster } from '../../src/testing/index.js'

it('delivers every byte singly to both sides, however many there are', async () => {
  await using cluster = await startCluster()
  const client = cluster.client()
  cluster.fault({}, { chunk: 1, dir: 'both' })
  // What members had begun to say to each other before the fault has passed after this.
  while ((await cluster.stats()).some(({ running }) => running > 0)) await new Promise(setImmediate)
  await client.uploadFile(Buffer.from('first'))
  // What both our client and our servers hand everything to that they are given to read.
  const { prototype } = FrameReader
  const push = Object.getOwnPropertyDescriptor(prototype, 'push') as { value: FrameReader['push'] }
  const sizes = new Set<number>()
  let count = 0
  // No spy: it would keep all that every call was given.
  prototype.push = function (chunk, end = chunk.length) {
    sizes.add(end)
    count++
    push.value.call(this, chunk, end)
  }
  const content = Buffer.alloc(40_000, 'x')
  try {
    const { id } = await client.uploadFile(content)
    expect((await client.downloadFile(id)).equals(content)).toBe(true)
  } finally {
    Object.defineProperty(prototype, 'push', push)
  }
  expect(count).toBeGreaterThan(2 * content.length)
  expect(sizes).toEqual(new Set([1]))
})
