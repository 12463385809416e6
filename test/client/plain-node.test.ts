/** What jest's own realm and process would hide, in a process of its own. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

const folder = join(__dirname, 'plain-node')
const run = promisify(execFile)

/** Runs a program with plain node; it must end by itself. */
async function node(program: string, ...rest: string[]): Promise<string> {
  const { stdout, stderr } = await run(
    process.execPath,
    ['--import', 'tsx', join(folder, program), ...rest],
    { timeout: 20_000 },
  )
  expect(stderr).toBe('')
  return stdout
}

it('retries work outside of jest, and idle connections do not keep a process alive', async () => {
  const [first, second] = (await node('retries.mts')).split('\n')
  expect(first).toBe('size 13 after 3 requests')
  expect(second).toBe(
    'FDFS_RETRY: all 2 attempts failed, the last one: cannot connect: ECONNREFUSED ' +
      '(at 127.0.0.1:1 for group1/M00/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt)',
  )
}, 25_000)

it('connections that nobody took do not keep a process alive either', async () => {
  const started = performance.now()
  expect(await node('surplus.mts')).toMatch(/^true \d+\n$/)
  // Idle connections live for 20 s and more.
  expect(performance.now() - started).toBeLessThan(15_000)
}, 25_000)

it('one signal may end any number of downloads, and no leak is warned of', async () => {
  expect(await node('one-signal.mts')).toBe("Set(1) { 'FDFS_ABORTED' }\n")
}, 25_000)

it('files of any size take a few buffers of memory', async () => {
  const mib = Number(process.env['FASTDFS_TEST_MIB'] ?? 256)
  const { sizes, grown } = JSON.parse(await node('memory.mts', String(mib))) as {
    sizes: number[]
    grown: { files: number; stream: number }
  }
  expect(sizes).toEqual([mib, mib, mib, mib])
  expect(grown.files).toBeLessThan(32)
  // Of a stream's pieces, V8 lets some tens of MiB lie before it collects them.
  expect(grown.stream).toBeLessThan(96)
}, 60_000)
