/**
 * Other people's clients against `fastdfs serve`: the C tools and test programs, the test programs of the Java client,
 * fdfs_client-py and the npm clients. Each runs where it is found, and is "not run" elsewhere.
 *
 *   node --import tsx test/interop/clients.ts
 *
 * | counterpart | found through |
 * |---|---|
 * | C tools | the PATH, or the folder FDFS_BIN; FASTDFS_PROFILE names their version: V5.11, V6.06, V6.12 or V6.16 (default) |
 * | Java | FASTDFS_JAVA: a classpath with the compiled client and its compiled test programs; `java` on the PATH |
 * | Python | FASTDFS_PYTHON: an interpreter that can import fdfs_client |
 * | npm | FASTDFS_NPM: a folder where fdfs-client, fdfs and fastdfs-client are installed |
 */
import type { ChildProcess } from 'node:child_process'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { NPM_CLIENTS } from '../../bench/npm-client.js'

const ROOT = join(import.meta.dirname, '../..')
const { FDFS_BIN, FASTDFS_JAVA, FASTDFS_PYTHON, FASTDFS_NPM, FASTDFS_PROFILE = 'V6.16' } = process.env
const env = { ...process.env, PATH: [FDFS_BIN, process.env['PATH']].filter(Boolean).join(delimiter) }
/** Milliseconds for a program. */
const LIMIT = 60_000

const folder = mkdtempSync(join(tmpdir(), 'fastdfs-clients-'))
const conf = join(folder, 'client.conf')
const file = join(folder, 'picture.jpg')
const content = Buffer.from(Array.from({ length: 100_000 }, (_, i) => i % 251))
writeFileSync(file, content)
let failures = 0

interface Cluster {
  readonly trackers: readonly { readonly host: string; readonly port: number }[]
  readonly storages: readonly { readonly group: string; readonly host: string; readonly port: number }[]
}

class NotRun extends Error {}

/** Output of a program that has ended well. */
function run(program: string, ...args: string[]): string {
  const { status, error, stdout, stderr } = spawnSync(program, args, { env, cwd: folder, timeout: LIMIT })
  const output = stdout.toString() + stderr.toString()
  if (error !== undefined || status !== 0) {
    throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? `exit code ${status}`}\n${output}`)
  }
  return output
}

function has(program: string): boolean {
  return spawnSync('which', [program], { env }).status === 0
}

function expectText(output: string, pattern: RegExp): RegExpExecArray {
  const match = pattern.exec(output)
  if (match === null) throw new Error(`no ${String(pattern)} in\n${output}`)
  return match
}

function expectSame(what: string, held: Buffer, expected: Buffer): void {
  if (!held.equals(expected))
    throw new Error(`${what}: ${held.length} bytes, not the ${expected.length} sent`)
}

/** One file through the tools, from the upload to its end. */
function cTools(): void {
  if (!has('fdfs_upload_file')) throw new NotRun('there is no fdfs_upload_file')
  const id = run('fdfs_upload_file', conf, file).trim()
  expectText(run('fdfs_file_info', conf, id), /file size: 100000\b/)
  // V5.11 prints it in decimals.
  const [, crc] = expectText(run('fdfs_crc32', file), /([\da-f]+)/)
  const [, told] = expectText(run('fdfs_file_info', conf, id), /crc32: (-?\d+)/)
  if (Number(told) >>> 0 !== Number.parseInt(crc as string, FASTDFS_PROFILE === 'V5.11' ? 10 : 16))
    throw new Error(`CRC32: ${told}, ${crc}`)
  const copy = join(folder, 'copy')
  run('fdfs_download_file', conf, id, copy)
  expectSame('a download', readFileSync(copy), content)
  run('fdfs_download_file', conf, id, copy, '1000', '50')
  expectSame('a part', readFileSync(copy), content.subarray(1000, 1050))
  const appender = run('fdfs_upload_appender', conf, file).trim()
  run('fdfs_append_file', conf, appender, file)
  run('fdfs_download_file', conf, appender, copy)
  expectSame('an appended file', readFileSync(copy), Buffer.concat([content, content]))
  let last = appender
  if (has('fdfs_regenerate_filename') && FASTDFS_PROFILE !== 'V5.11') {
    last = expectText(run('fdfs_regenerate_filename', conf, appender), /(group\d\/M00\S+)/)[1] as string
    expectText(run('fdfs_file_info', conf, last), /file size: 200000\b/)
  }
  for (const each of [id, last]) run('fdfs_delete_file', conf, each)
  // `fdfs_file_info` would read it all from a name that holds an address.
  const { stderr } = spawnSync('fdfs_download_file', [conf, id, copy], { env })
  expectText(stderr.toString(), /error no: 2\b|status 2\b|No such file/)
  expectText(run('fdfs_monitor', conf), /ACTIVE/)
}

function cTests(): void {
  if (!has('fdfs_test')) throw new NotRun('there is no fdfs_test')
  for (const [program, isWhole] of [
    ['fdfs_test', false],
    ['fdfs_test1', true],
  ] as const) {
    for (const kind of ['FILE', 'BUFF', 'CALLBACK']) {
      const output = run(program, conf, 'upload', file, kind)
      const [, id] = expectText(
        output,
        /example file url: http:\/\/[^/]+\/(group\d\/\S+|M00\S+)/,
      ) as unknown as [string, string]
      const isFull = /^group\d\//.test(id)
      const group = isFull ? id.slice(0, id.indexOf('/')) : (expectText(output, /group_name=(\w+)/)[1] ?? '')
      const name = isFull ? id.slice(group.length + 1) : id
      const where = isWhole ? [`${group}/${name}`] : [group, name]
      expectText(run(program, conf, 'getmeta', ...where), /getmeta|meta|width|ext_name/i)
      run(program, conf, 'setmeta', ...where, 'O', 'a=1,b=2')
      expectText(run(program, conf, 'getmeta', ...where), /a=1[\s\S]*b=2/)
      expectText(run(program, conf, 'query_servers', ...where), /server/)
      run(program, conf, 'download', ...where, join(folder, 'copy'))
      run(program, conf, 'delete', ...where)
    }
  }
  for (const program of ['fdfs_appender_test', 'fdfs_appender_test1']) {
    for (const kind of ['FILE', 'BUFF', 'CALLBACK']) {
      const output = run(program, conf, file, kind)
      if (/fail|ERROR/.test(output)) throw new Error(output)
    }
  }
}

/** Programs that print what happens, and end well whatever it was. Test1 asks a tracker of its author's. */
function java(): void {
  if (FASTDFS_JAVA === undefined) throw new NotRun('FASTDFS_JAVA is not set')
  if (!has('java')) throw new NotRun('there is no java')
  for (const name of ['Test', 'TestClient', 'TestClient1', 'TestAppender', 'TestAppender1', 'Monitor']) {
    if (name === 'Monitor' && FASTDFS_PROFILE !== 'V6.16') {
      console.log('  Monitor: not run, since it knows no records of that version, on a real cluster either')
      continue
    }
    if (name.startsWith('TestAppender') && FASTDFS_PROFILE === 'V5.11') {
      console.log(`  ${name}: not run, since appenders have no other names there, on a real cluster either`)
      continue
    }
    const args = name === 'Monitor' ? [conf] : [conf, file]
    const output = run('java', '-cp', FASTDFS_JAVA, `org.csource.fastdfs.${name}`, ...args)
    if (process.env['VERBOSE'] !== undefined) console.log(output)
    // Its own deletion under a name that the file has no more.
    const rest = output.replace('Delete file fail, error no: 2', '')
    if (/Exception|fail|errno: [1-9]|error no: [1-9]|error code: [1-9]/i.test(rest))
      throw new Error(`${name}:\n${output}`)
    console.log(`  ${name}: ${output.split('\n').length} lines, no failure`)
  }
}

type Step = readonly [name: string, result: Record<string, unknown>]

/** The calls of test/fixtures/python, compared with what they gave on real clusters. */
function python(cluster: Cluster): void {
  if (FASTDFS_PYTHON === undefined) throw new NotRun('FASTDFS_PYTHON is not set')
  if (FASTDFS_PROFILE !== 'V5.11' && FASTDFS_PROFILE !== 'V6.16')
    throw new NotRun(`nothing was recorded on ${FASTDFS_PROFILE}`)
  const fixtures = join(ROOT, 'test/fixtures/python')
  const version = run(FASTDFS_PYTHON, '-c', 'import sys; print("%d" % sys.version_info[0])').trim()
  const of = FASTDFS_PROFILE === 'V5.11' ? 'v5.11' : 'v6.16.1'
  const recorded = JSON.parse(
    readFileSync(join(fixtures, `python-${version === '2' ? '2.7' : '3.11'}-${of}.json`), 'utf8'),
  ) as { results: Step[] }
  const { host } = cluster.storages.find(({ group }) => group === 'group1') as { host: string }
  const output = execFileSync(
    FASTDFS_PYTHON,
    [join(fixtures, 'record.py'), conf, join(fixtures, 'scenario.json')],
    {
      env: { ...env, TZ: 'UTC', STORAGES: `group1=${host}` },
      timeout: LIMIT,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  const { results } = JSON.parse(output.toString()) as { results: Step[] }
  let different = 0
  for (const [i, [name, result]] of results.entries()) {
    const [a, b] = [alike(result), alike(recorded.results[i]?.[1])]
    if (a === b) continue
    different++
    console.log(`  ${name}: ${a.slice(0, 300)}\n    on a real cluster ${b.slice(0, 300)}`)
  }
  console.log(`  ${results.length} calls, ${different} not as on a real cluster`)
  if (different > 0) throw new Error('not as on a real cluster')
}

/** Without what says when and where, and how large that place is. */
function alike(result: unknown): string {
  return JSON.stringify(result)
    .replace(/M00\/[\dA-F]{2}\/[\dA-F]{2}\/[\w-]{27}\d*/g, 'NAME')
    .replace(/group\d/g, 'GROUP')
    .replace(/\d+\.\d+\.\d+\.\d+/g, 'ADDRESS')
    .replace(/"((?:free|total)MB|storage_port|subdir_count_per_path)":("[^"]*"|\d+)/g, '"$1":0')
    .replace(/(disk \w+ space|storage port|subdir count per path) = [\w.]+/g, '$1 = 0')
}

function npm({ trackers }: Cluster): void {
  if (FASTDFS_NPM === undefined) throw new NotRun('FASTDFS_NPM is not set')
  if (FASTDFS_PROFILE === 'V6.12')
    throw new NotRun('they know no answers with wide addresses, on a real cluster either')
  const addresses = trackers.map(({ host, port }) => `${host}:${port}`)
  const program = join(import.meta.dirname, 'npm.ts')
  const failing: string[] = []
  for (const name of NPM_CLIENTS) {
    const args = ['--import', 'tsx', program, name, FASTDFS_NPM, file, ...addresses]
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, timeout: LIMIT })
    const results = stdout.toString().trim().split('\n')
    if (status !== 0) results.push(/^\w*Error: .*/m.exec(stderr.toString())?.[0] ?? 'ended by force')
    console.log(`  ${name}: ${results.join(', ')}`)
    if (status !== 0 || !results.every((result) => result.endsWith(' ok'))) failing.push(name)
  }
  if (failing.length > 0) throw new Error(failing.join(', '))
}

async function serve(): Promise<{ cluster: Cluster; child: ChildProcess }> {
  // The Java client asks 69 FETCH_STORAGE_IDS with a byte more than old trackers take.
  const identity = /^V(5|6.06)/.test(FASTDFS_PROFILE) ? ['--no-storage-ids'] : []
  const args = ['serve', '--json', '--port', '0', '--groups', '2', '--profile', FASTDFS_PROFILE, ...identity]
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/cli/main.ts', ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  return { cluster: JSON.parse(line) as Cluster, child }
}

const only = process.argv.slice(2)
const external = process.env['FASTDFS_TRACKERS']
const parse = (text: string) => ({ host: text.split(':')[0] as string, port: Number(text.split(':')[1]) })
const { cluster, child } =
  external === undefined
    ? await serve()
    : {
        cluster: {
          trackers: external.split(',').map(parse),
          storages: [{ group: 'group1', host: process.env['FASTDFS_STORAGE'] ?? '', port: 23_000 }],
        },
        child: undefined,
      }
mkdirSync(join(folder, 'base'))
writeFileSync(
  conf,
  `connect_timeout = 5\nnetwork_timeout = 30\nbase_path = ${join(folder, 'base')}\ncharset = UTF-8\n` +
    cluster.trackers.map(({ host, port }) => `tracker_server = ${host}:${port}\n`).join(''),
)
process.once('SIGTERM', () => {
  child?.kill()
  process.exit(1)
})
try {
  for (const [title, task] of [
    ['C tools', cTools],
    ['C test programs', cTests],
    ['Java test programs', java],
    ['fdfs_client-py', python],
    ['npm clients', npm],
  ] as const) {
    if (only.length > 0 && !only.includes(title)) continue
    try {
      task(cluster)
      console.log(`${title}: passed`)
    } catch (error) {
      if (error instanceof NotRun) console.log(`${title}: not run, since ${error.message}`)
      else {
        failures++
        console.log(`${title}: FAILED: ${String(error)}`)
      }
    }
  }
} finally {
  child?.kill()
  rmSync(folder, { recursive: true })
}
process.exitCode = failures === 0 ? 0 : 1
