/** The README's code is type-checked and run, block by block, with the names of names.ts around it. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { startCluster } from '../../src/testing/index.js'
import { FILM, names } from './names.js'
import { wrongTypes } from './types.js'

const root = join(__dirname, '../..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')

/** Three ways to write one line, for three runners: examples/testing runs them. */
const ALTERNATIVES = 'const cluster = useCluster('

/** The blocks, by the line of the README that they stand behind. */
function blocks(): Map<number, string> {
  const all = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map(
    ({ index, 1: code = '' }) => [readme.slice(0, index).split('\n').length, code] as const,
  )
  return new Map(all.filter(([, code]) => !code.startsWith(ALTERNATIVES)))
}

/** A block as a module, each line where it stands in the README. */
function moduleOf(line: number, code: string, given: readonly string[]): string {
  const head = [
    `import { names } from ${JSON.stringify(join(root, 'test/docs/names.js'))}`,
    `import type { ResumableUploadState } from 'fastdfs'`,
    `import type { Cluster } from 'fastdfs/testing'`,
    `export async function run(_cluster: Cluster) { const { ${given.join(', ')} } = await names(_cluster); {`,
  ].join('; ')
  // What a block imports takes the place of what is around it.
  const body = code.replace(/^import \{(.*)\} from '(.*)'$/gm, "const {$1} = await import('$2')")
  return `${'\n'.repeat(line - 1)}${head}\n${body}}}\n`
}

async function givenNames(): Promise<string[]> {
  const cluster = await startCluster()
  const given = await names(cluster)
  await given.client.close()
  await cluster.stop()
  return Object.keys(given)
}

it('has blocks', () => {
  expect(blocks().size).toBeGreaterThan(20)
})

it('has the right types in all of its code', async () => {
  const given = await givenNames()
  const sources = [...blocks()].map(
    ([line, code]) => [join(root, `README-${line}.mts`), moduleOf(line, code, given)] as const,
  )
  // As in a project with TypeScript's own defaults.
  expect(wrongTypes(new Map(sources), { noUncheckedIndexedAccess: false })).toEqual([])
}, 60_000)

/** Runs every block on a cluster of its own. */
const RUNNER = `
import { startCluster } from 'fastdfs/testing'
for (const line of process.argv.slice(2)) {
  const cluster = await startCluster({ groups: 2 })
  process.env.FASTDFS_TRACKERS = cluster.env().FASTDFS_TRACKERS
  const { trackers } = cluster.clientOptions()
  const { readFile, writeFile } = await import('node:fs/promises')
  await writeFile('client.conf', cluster.clientConf())
  const code = await readFile('block-' + line + '.mts', 'utf8')
  await writeFile('run-' + line + '.mts', code.replace("['10.0.0.1:22122', '10.0.0.2:22122']", JSON.stringify(trackers)))
  const { run } = await import(process.cwd() + '/run-' + line + '.mts')
  try {
    await run(cluster)
  } catch (error) {
    console.error('README.md:' + line, error)
  }
  const { closeDefaultClient } = await import('fastdfs')
  await closeDefaultClient()
  await cluster.stop()
}
process.exit()
`

it('has code that runs', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fastdfs-readme-'))
  try {
    const given = await givenNames()
    for (const [line, code] of blocks()) {
      const local = code.replace(/\/etc\/fdfs\//g, '').replace(/\/data\//g, '')
      await writeFile(join(folder, `block-${line}.mts`), moduleOf(line, local, given))
    }
    for (const name of ['photo.jpg', 'large.jpg', 'report.pdf', 'a.jpg', 'b.jpg', 'test.py'])
      await writeFile(join(folder, name), Buffer.alloc(6144, name))
    await writeFile(join(folder, 'film.mp4'), Buffer.alloc(FILM, 'film'))
    await writeFile(join(folder, 'run.mts'), RUNNER)
    const loader = pathToFileURL(require.resolve('tsx')).href
    const lines = [...blocks().keys()].map(String)
    const run = promisify(execFile)(process.execPath, ['--import', loader, 'run.mts', ...lines], {
      cwd: folder,
      env: { ...process.env, TSX_TSCONFIG_PATH: join(root, 'tsconfig.json') },
      timeout: 60_000,
    })
    await expect(run).resolves.toMatchObject({ stderr: '' })
  } finally {
    await rm(folder, { recursive: true })
  }
}, 70_000)
