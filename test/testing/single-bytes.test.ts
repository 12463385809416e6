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
  const push = jest.spyOn(FrameReader.prototype, 'push')
  const content = Buffer.alloc(100_000, 'x')
  const { id } = await client.uploadFile(content)
  expect((await client.downloadFile(id)).equals(content)).toBe(true)
  const sizes = push.mock.calls.map(([chunk, end = chunk.length]) => end)
  push.mockRestore()
  expect(sizes.length).toBeGreaterThan(2 * content.length)
  expect(new Set(sizes)).toEqual(new Set([1]))
})
