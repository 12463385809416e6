import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { bytes } from './raw.js'
import {
  appendBody,
  GROUP,
  metadataBody,
  modifyBody,
  nameIn,
  slaveBody,
  TestGroup,
  truncateBody,
  uploadBody,
} from './group.js'

type Action =
  | { do: 'change'; kind: number; at: number; file: number; value: number }
  | { do: 'stop' | 'start' | 'replicate'; at: number }

const STORAGES = 3
const at = fc.nat(STORAGES - 1)
const actions = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant('change' as const),
        kind: fc.nat(8),
        at,
        file: fc.nat(7),
        value: fc.nat(40),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constantFrom('stop', 'start', 'replicate'), at }),
    },
  ),
  { minLength: 5, maxLength: 60 },
) as fc.Arbitrary<Action[]>

/** Runs random actions; all storages must hold the same afterwards, and every file that was never changed twice. */
class Run {
  readonly group: TestGroup
  readonly running = new Set<number>()
  readonly files: string[] = []
  /** Files that were uploaded and that nobody has tried to remove. */
  readonly kept = new Map<string, string>()

  constructor(group: TestGroup) {
    this.group = group
    for (let i = 0; i < STORAGES; i++) this.running.add(i)
  }

  async act(action: Action): Promise<void> {
    const { at } = action
    const storage = this.group.storages[at]
    if (action.do === 'stop' && this.running.size > 1) {
      this.running.delete(at)
      await storage?.stop()
    } else if (action.do === 'start') {
      this.running.add(at)
      await storage?.start()
    } else if (action.do === 'replicate' && this.running.has(at)) await storage?.replicate()
    else if (action.do === 'change' && this.running.has(at)) await this.change(action)
  }

  async change({ kind, at, file, value }: Action & { do: 'change' }): Promise<void> {
    const name = this.files[file % Math.max(1, this.files.length)]
    const content = String.fromCharCode(65 + (value % 26)).repeat(value)
    if (kind < 2 || name === undefined) {
      const made = nameIn(await this.group.ask(at, kind === 0 ? 11 : 23, uploadBody(content)))
      this.files.push(made)
      if (kind === 0) this.kept.set(made, content)
      return
    }
    const requests = [
      [24, appendBody(name, content)],
      [34, modifyBody(name, value >> 1, content)],
      [36, truncateBody(name, value)],
      [13, metadataBody(name, value % 2 === 0 ? 'O' : 'M', `v\x02${value}`)],
      [21, slaveBody(name, `_${value % 3}`, content)],
      [38, bytes(name)],
      [12, bytes(GROUP, name)],
    ] as const
    const [command, body] = requests[kind - 2] as (typeof requests)[number]
    const { status, body: answer } = await this.group.ask(at, command, body)
    expect([0, 2, 17, 22]).toContain(status)
    if (command === 12 && status === 0) this.kept.delete(name)
    if (status === 0 && (command === 21 || command === 38)) {
      this.files.push(answer.subarray(16).toString('latin1'))
    }
  }

  async finish(): Promise<void> {
    for (let i = 0; i < STORAGES; i++) await this.group.storages[i]?.start()
    await Promise.all(this.group.storages.map((storage) => storage.whenActive()))
    await this.group.settle()
    const first = await this.group.files(0)
    for (let i = 1; i < STORAGES; i++) expect(await this.group.files(i)).toEqual(first)
    for (const [name, content] of this.kept) expect(first[name]).toBe(content)
  }
}

it.each([
  ['memory', 'now', 25],
  ['memory', 'manual', 40],
  ['disk', 'manual', 15],
] as const)(
  'holds the same files in %s at every storage, told %s, whatever happened',
  async (kind, replication, numRuns) => {
    await fc.assert(
      fc.asyncProperty(actions, async (sequence) => {
        const folder = await mkdtemp(join(tmpdir(), 'fastdfs-convergence-'))
        const group = new TestGroup(kind === 'disk' ? folder : undefined, { replication })
        try {
          await group.start(1, STORAGES)
          const run = new Run(group)
          for (const action of sequence) await run.act(action)
          await run.finish()
        } finally {
          await group.stop()
          await rm(folder, { recursive: true })
        }
      }),
      { numRuns, endOnFailure: true },
    )
  },
  120_000,
)
