import { execFile } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import type { Agents } from './agents.js'
import { Child } from './child.js'
import type { StartupRequest, StartupTimes } from './startup-process.js'
import type { Estimate } from './stats.js'
import { estimate, median } from './stats.js'

/** What is not measured side by side: there is no raw client for it. */
export interface Once {
  /** File IDs parsed and validated in a second. */
  readonly parseRate: Estimate
  readonly imports: { readonly what: string; readonly milliseconds: number; readonly nodeAlone: number }
  /** Bytes of the packed package, and of what it unpacks to; undefined where it is not built. */
  readonly size: { readonly packed: number; readonly unpacked: number } | undefined
  readonly startup: { readonly small: Startup; readonly large: Startup }
}

/** Milliseconds until an embedded cluster is ready, and until it is reset. */
export interface Startup {
  /** Of which trackers and storages. */
  readonly what: string
  /** The first cluster of a process, and later ones. */
  readonly first: Estimate
  readonly later: Estimate
  /** Once the code is warm. */
  readonly reset: Estimate
}

const TIMES = 9
/** New ones, for what happens once in each. */
const PROCESSES = 5
/** A file ID from protocol.md §5. */
const FILE_ID = 'group1/M00/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt'

export async function measureOnce(startAgents: () => Agents, startupScript: string): Promise<Once> {
  return {
    parseRate: await measureParsing(startAgents()),
    imports: await measureImport(),
    size: await packageSize(),
    startup: {
      small: await measureStartup(startupScript, 'cluster of 1 + 1', { trackers: 1, storages: 1 }),
      large: await measureStartup(startupScript, 'cluster of 2 + 2 × 2', {
        trackers: 2,
        groups: 2,
        storages: 2,
      }),
    },
  }
}

/** In a process that has done nothing else, whose heap has not grown. */
async function measureParsing(agents: Agents): Promise<Estimate> {
  try {
    const rates: number[] = []
    for (let i = 0; i <= TIMES; i++) {
      const { rate = 0 } = await agents.ask('fastdfs', { do: 'parse', id: FILE_ID, duration: 100 })
      if (i > 0) rates.push(rate)
    }
    return estimate(rates)
  } finally {
    await agents.stop()
  }
}

async function measureStartup(
  script: string,
  what: string,
  options: Omit<StartupRequest, 'times'>,
): Promise<Startup> {
  const all: StartupTimes[][] = []
  for (let i = 0; i < PROCESSES; i++) {
    const child = new Child<StartupRequest, StartupTimes[]>(script, [])
    all.push(await child.ask({ ...options, times: TIMES }).finally(() => child.stop()))
  }
  const first = all.map(([time]) => (time as StartupTimes).start)
  const later = all.flatMap(([, ...times]) => times)
  return {
    what,
    first: estimate(first),
    later: estimate(later.map(({ start }) => start)),
    reset: estimate(later.flatMap(({ resets }) => resets)),
  }
}

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** `import 'fastdfs'` in a new process, without the start of Node itself. */
async function measureImport(): Promise<Once['imports']> {
  const dist = join(ROOT, 'dist', 'index.js')
  const isBuilt = existsSync(dist)
  const entry = isBuilt ? dist : join(ROOT, 'src', 'index.ts')
  const age = isBuilt && statSync(dist).mtimeMs < newest(join(ROOT, 'src')) ? ', older than src' : ''
  const milliseconds = await importTime(pathToFileURL(entry).href, isBuilt ? [] : ['--import', 'tsx'])
  return {
    what: isBuilt ? `dist/index.js${age}` : 'src/index.ts, compiled by tsx at every import',
    milliseconds,
    nodeAlone: await importTime('node:net', []),
  }
}

async function importTime(url: string, flags: readonly string[]): Promise<number> {
  const program = `const start = performance.now(); await import(${JSON.stringify(url)}); console.log(performance.now() - start)`
  const times: number[] = []
  for (let i = 0; i < TIMES; i++) {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [...flags, '--input-type=module', '--eval', program],
      { cwd: ROOT, env: { ...process.env, NODE_OPTIONS: '' } },
    )
    times.push(Number(stdout))
  }
  return median(times)
}

async function packageSize(): Promise<Once['size']> {
  if (!existsSync(join(ROOT, 'dist'))) return undefined
  const { stdout } = await promisify(execFile)('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: ROOT,
  })
  const [pack] = JSON.parse(stdout) as { size: number; unpackedSize: number }[]
  return pack === undefined ? undefined : { packed: pack.size, unpacked: pack.unpackedSize }
}

function newest(folder: string): number {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return Math.max(...files.map((file) => statSync(join(folder, file)).mtimeMs))
}
