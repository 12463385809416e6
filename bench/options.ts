import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

/** How much is measured. */
export interface Options {
  readonly full: boolean
  /** Rounds that count, behind those that warm up. */
  readonly rounds: number
  /** Milliseconds that each contender works on one row in one round. */
  readonly slice: number
  readonly concurrency: readonly number[]
  /** Names of the rows to measure; empty: all. */
  readonly only: readonly string[]
  readonly largeBytes: number
  /** Where clients from npm are installed. */
  readonly peersFolder: string
  /** Further peers, as `name=script`. */
  readonly peers: readonly string[]
  /** Where latest.json and latest.md go. */
  readonly out: string
  /** Where CPU profiles of the contenders go. */
  readonly profile: string | undefined
}

const MIB = 1024 * 1024

export const USAGE = `node --import tsx bench/run.ts [options]
  --short               64 MiB files, short slices: under two minutes (the default)
  --full                1 GiB files, long slices, also 1 and 10 MiB, 64 at a time, scaling, embedded servers
  --rounds N            rounds that count, instead of 9
  --slice MS            the time of one contender for one row in one round
  --concurrency 1,16    calls at a time, instead of 1,16 and in the full form 1,16,64
  --only upload,large   some of: upload download metadata info delete shortcuts large neutral scaling embedded once
  --peers DIR           where fdfs-client, fdfs and fastdfs-client are installed, instead of here
  --peer NAME=SCRIPT    another client: a script that does what bench/agent.ts does; as often as wanted
                        Peers work where 16 at a time do on 4 KiB; those of --peer in the full form everywhere.
  --out DIR             where latest.json and latest.md go, instead of the system's temporary folder
  --profile DIR         write a CPU profile of every contender's process there
FASTDFS_TRACKERS names a cluster to measure on; without it, an embedded one in a process of its own.
TMPDIR says where files are: /dev/shm, where it is large enough (5 GiB for --full), keeps a slow disk out.`

export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      short: { type: 'boolean' },
      full: { type: 'boolean' },
      rounds: { type: 'string' },
      slice: { type: 'string' },
      concurrency: { type: 'string' },
      only: { type: 'string' },
      peers: { type: 'string' },
      peer: { type: 'string', multiple: true },
      out: { type: 'string' },
      profile: { type: 'string' },
    },
  })
  const full = values.full === true
  if (full && values.short === true) throw new Error('--short and --full exclude each other')
  return {
    full,
    rounds: numberOf(values.rounds ?? '9'),
    slice: numberOf(values.slice ?? (full ? '150' : '80')),
    concurrency: (values.concurrency ?? (full ? '1,16,64' : '1,16')).split(',').map(numberOf),
    only: values.only?.split(',') ?? [],
    largeBytes: full ? 1024 * MIB : 64 * MIB,
    peersFolder: resolve(values.peers ?? '.'),
    peers: values.peer ?? [],
    out: resolve(values.out ?? tmpdir()),
    profile: values.profile === undefined ? undefined : resolve(values.profile),
  }
}

/** Whether `name` is to be measured. */
export function isWanted({ only }: Options, name: string): boolean {
  return only.length === 0 || only.includes(name)
}

/** Whether `name`, which only the full form measures unasked, is to be measured. */
export function isExtra(options: Options, name: string): boolean {
  return options.full ? isWanted(options, name) : options.only.includes(name)
}

function numberOf(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new Error(`${text} is no whole number of at least 1`)
  return value
}
