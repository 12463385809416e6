/** Which of three trackers leads while one is parted from the others (protocol.md §4.7). */
import type { Cluster } from '../../src/testing/index.js'
import { startCluster } from '../../src/testing/index.js'
import { RawClient } from '../server/raw.js'

type TrackerMember = Cluster['trackers'][number]

it('of three trackers two agree on a new leader while the old one is parted, and all three when they meet', async () => {
  const cluster = await startCluster({ trackers: 3, groups: 1, storages: 1 })
  const clients = new Map<TrackerMember, RawClient>()
  for (const tracker of cluster.trackers) {
    clients.set(tracker, await RawClient.connect(tracker.port, tracker.host))
  }
  /** The leader that some of them agree on, another one than `former`. */
  const leaderOf = async (
    asked: readonly TrackerMember[],
    former?: TrackerMember,
  ): Promise<TrackerMember> => {
    for (;;) {
      const names = await Promise.all(
        asked.map(async (tracker) => (await clients.get(tracker)?.ask(95))?.body.toString()),
      )
      const leader = cluster.trackers.find(({ port }) => names[0]?.endsWith(`:${port}`))
      if (leader !== undefined && leader !== former && names.every((name) => name === names[0])) return leader
    }
  }
  const leads = async (tracker: TrackerMember): Promise<boolean> =>
    (await clients.get(tracker)?.ask(64))?.body[0] === 1

  const former = await leaderOf(cluster.trackers)
  const others = cluster.trackers.filter((tracker) => tracker !== former)
  const partitions = others.map((other) => cluster.partition(former, other))
  const next = await leaderOf(others, former)
  expect(others).toContain(next)
  expect(await leads(next)).toBe(true)
  // It need not have a majority.
  expect(await leaderOf([former])).toBe(former)

  for (const partition of partitions) partition.remove()
  // A report of its disks is a beat to the storage as well: it sees that two lead.
  await cluster.storage('group1').setFreeSpace(1e9)
  const last = await leaderOf(cluster.trackers)
  for (const tracker of cluster.trackers) expect(await leads(tracker)).toBe(tracker === last)
  for (const client of clients.values()) client.close()
  await cluster.stop()
}, 60_000)
