/** `truncateFile` past the end, where the storage only cuts: up to V5.11 (protocol.md §3.2). */
import { APPENDER_ID, fakeCluster, info, OK, status } from './fakes.js'
import type { Answers } from './fakes.js'
import { response } from '../support/fake-server.js'

/** Its sizes, each time it is asked; the last one remains. */
function storage(sizes: number[], appends: Answers[24]): Answers {
  return {
    36: status(22),
    22: () => response(info(sizes.length > 1 ? (sizes.shift() as number) : (sizes[0] as number))),
    24: appends,
    34: OK,
  }
}

it('zeros are appended', async () => {
  await using cluster = await fakeCluster(storage([10], OK))
  await cluster.client.truncateFile(APPENDER_ID, 14)
  expect(cluster.commands()).toEqual([36, 22, 24])
  expect(cluster.storage.requests[2]?.subarray(-5).toString('hex')).toMatch(/00000000$/)
})

it.each([
  ['were written', 14, []],
  ['were not', 10, [34]],
])('where the answer is lost, it is found out whether they %s', async (_, there, further) => {
  await using cluster = await fakeCluster(
    storage([10, there], (_request, socket) => void socket.destroy()),
    { retries: 1 },
  )
  await cluster.client.truncateFile(APPENDER_ID, 14)
  const commands = cluster.commands().filter((command) => command !== 22)
  expect(commands).toEqual([36, 24, ...further])
})

it('a file that is shorter already is refused as the storage does', async () => {
  await using cluster = await fakeCluster(storage([10], OK))
  await expect(cluster.client.truncateFile(APPENDER_ID, 5)).rejects.toMatchObject({ status: 22 })
  expect(cluster.commands()).toEqual([36, 22])
})
