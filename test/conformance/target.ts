import { FastDfsClient, parseFileId } from '../../src/index.js'
import type { Cluster, Profile } from '../../src/testing/index.js'
import { decodeResponse, encodeRequest, trackerCommands } from '../../src/protocol/index.js'
import { startCluster } from '../../src/testing/index.js'
import { open } from './raw.js'

/** A cluster that the suite runs against. */
export interface Target {
  readonly name: string
  /** Starts it, or finds out where it is. */
  open(): Promise<OpenTarget>
}

export interface OpenTarget {
  /** `host:port` of each. */
  readonly trackers: readonly string[]
  close(): Promise<void>
}

/** FASTDFS_TEST_CHUNK: the embedded cluster takes and gives so many bytes at a time. */
const { FASTDFS_TRACKERS, FASTDFS_TEST_CHUNK } = process.env

const embedded = (name: string, profile: Profile): Target => ({
  name,
  open: async () => {
    const cluster: Cluster = await startCluster({ trackers: 2, groups: 2, profile })
    if (FASTDFS_TEST_CHUNK !== undefined)
      cluster.fault({}, { chunk: Number(FASTDFS_TEST_CHUNK), dir: 'both' })
    return { trackers: cluster.clientOptions().trackers, close: async () => void (await cluster.stop()) }
  },
})

/** The embedded cluster always, and a real one where FASTDFS_TRACKERS names its trackers. */
export const targets: readonly Target[] = [
  embedded('the embedded cluster', 'V6.16'),
  ...(FASTDFS_TRACKERS === undefined
    ? []
    : [
        {
          name: `the cluster of ${FASTDFS_TRACKERS}`,
          open: async () => ({ trackers: FASTDFS_TRACKERS.split(','), close: async () => {} }),
        },
      ]),
]

/** These, and embedded clusters that answer as older versions. */
export const everyTarget: readonly Target[] = [
  ...targets,
  ...(['V5.11', 'V6.06', 'V6.12'] as const).map((profile) =>
    embedded(`the embedded cluster as ${profile}`, profile),
  ),
]

if (FASTDFS_TRACKERS === undefined) {
  process.stderr.write('conformance: not run on a real cluster, since FASTDFS_TRACKERS is not set\n')
}

/** What the cases work with. Every file that is made through `upload` is deleted again. */
export interface Fixture {
  readonly client: FastDfsClient
  readonly trackers: readonly string[]
  /** Uploads, and deletes after the test. */
  upload: FastDfsClient['uploadFile']
  /** Deletes a file after the test. */
  track(id: string): void
  /** The version of a storage of the group. */
  storageVersion(group: string): Promise<string>
}

/** Sets a target up for the tests of a `describe` block. */
export function useTarget(target: Target): Fixture {
  let opened: OpenTarget
  let client: FastDfsClient
  const made: string[] = []
  beforeAll(async () => {
    opened = await target.open()
    client = new FastDfsClient({ trackers: opened.trackers })
  })
  afterEach(async () => {
    const deleted = await Promise.allSettled(made.splice(0).map((id) => client.deleteFile(id)))
    const failures = deleted.flatMap((result) =>
      result.status === 'rejected' ? [result.reason as { status?: number }] : [],
    )
    // Some are gone already.
    const left = failures.filter(({ status }) => status !== 2)
    if (left.length > 0) throw new AggregateError(left, `${left.length} files are left on the cluster`)
  })
  afterAll(async () => {
    await client.close()
    await opened.close()
  })
  return {
    get client() {
      return client
    },
    get trackers() {
      return opened.trackers
    },
    upload: async (source, options) => {
      const file = await client.uploadFile(source, options)
      made.push(file.id)
      return file
    },
    track: (id) => made.push(id),
    storageVersion: async (group) => {
      await using tracker = await open(opened.trackers[0] as string)
      const { packet } = await tracker.ask(encodeRequest(trackerCommands.listStorage, { group }))
      return decodeResponse(trackerCommands.listStorage, packet).storages[0]?.version ?? ''
    },
  }
}

/** A file ID of the same group, well-formed, of a file that is not there. */
export function missingLike(id: string): string {
  const { group, name } = parseFileId(id)
  // Other random bits in the size word: character 13 of the encoded part (protocol.md §5).
  const at = name.lastIndexOf('/') + 1 + 13
  const other = name[at] === 'A' ? 'B' : 'A'
  return `${group}/${name.slice(0, at)}${other}${name.slice(at + 1)}`
}

/** So many bytes; far fewer where each goes singly. */
export function large(size: number): number {
  return FASTDFS_TEST_CHUNK === undefined ? size : Math.ceil(size / 100)
}

/** Bytes that are the same at every run and compress to nothing. */
export function noise(size: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafe(size)
  let state = seed
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[i] = state >>> 24
  }
  return bytes
}
