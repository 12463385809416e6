/** What the guides say is true: their code is type-checked and run, in order, each guide as one program. */
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import type { Cluster } from '../../src/testing/index.js'
import { startCluster } from '../../src/testing/index.js'
import { programOf } from './guide.js'
import { wrongTypes } from './types.js'

const root = join(__dirname, '../..')
const guides = readdirSync(join(root, 'docs/migration')).filter((name) => name.endsWith('.md'))
const read = (name: string): string => programOf(readFileSync(join(root, 'docs/migration', name), 'utf8'))

describe('the code of a guide', () => {
  it('is what stands in its blocks and in the TypeScript column, line by line', () => {
    const guide = [
      'Text with `code`.',
      '```ts',
      'const one = 1',
      'one // => 1',
      '```',
      '```python',
      'one = 1',
      '```',
      '| Python | TypeScript |',
      '|---|---|',
      '| `f(1)` | `await f(1)` |',
      '| `f(2)` | `await f(2) // throws DataError: no` |',
      '',
      '| a | b |',
      '| `f(3)` | `f(3)` |',
    ]
    const lines = programOf(guide.join('\n')).split('\n')
    expect(lines.map((line, i) => [i + 1, line]).filter(([, line]) => line !== '')).toEqual([
      [3, 'const one = 1'],
      [4, 'assert.deepEqual(one, 1)'],
      [11, 'await f(1)'],
      [12, 'await assert.rejects(async () => { await f(2) }, {"name":"DataError","message":"no"})'],
      [16, "import assert from 'node:assert/strict'"],
    ])
  })

  it('has the right types', () => {
    const sources = new Map(guides.map((name) => [join(root, 'docs/migration', `${name}.mts`), read(name)]))
    expect(wrongTypes(sources)).toEqual([])
  }, 60_000)
})

/** What the guides upload. */
const FILES = { 'photo.jpg': 6144, 'small.jpg': 1024, 'note.txt': 280, 'film.mp4': 300_000, 'photo.jpeg': 100 }

describe('on the embedded cluster', () => {
  let cluster: Cluster
  let folder: string
  beforeAll(async () => {
    cluster = await startCluster({ trackers: 2, groups: 2 })
  })
  afterAll(() => cluster.stop())
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fastdfs-guide-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  it.each(guides)('the code of %s runs, and gives what it says', async (name) => {
    const { trackers } = cluster.clientOptions()
    for (const [file, size] of Object.entries(FILES)) {
      await writeFile(join(folder, file), Buffer.alloc(size, 'guide '))
    }
    await writeFile(join(folder, 'client.conf'), cluster.clientConf())
    await writeFile(
      join(folder, 'client.properties'),
      `fastdfs.tracker_servers = ${trackers.join(',')}\n`,
    )
    const path = join(folder, `${name}.mts`)
    await writeFile(
      path,
      read(name)
        .replace(/10\.0\.0\.([12]):22122/g, (_, i: string) => trackers[Number(i) - 1] as string)
        .replace(/host: '10\.0\.0\.1', port: 22122/g, place(trackers[0] as string))
        .replace(/\/etc\/fdfs\/client\.conf/g, 'client.conf'),
    )
    const loader = pathToFileURL(require.resolve('tsx')).href
    const run = promisify(execFile)(process.execPath, ['--import', loader, path], {
      cwd: folder,
      env: { ...process.env, TSX_TSCONFIG_PATH: join(root, 'tsconfig.json'), },
      timeout: 30_000,
    })
    await expect(run).resolves.toMatchObject({ stderr: '' })
  }, 40_000)
})

function place(tracker: string): string {
  const [host, port] = tracker.split(':')
  return `host: '${host}', port: ${port}`
}
