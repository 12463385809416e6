/** In a process of its own, whose memory is the handler's. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

it('readers that do not read hold a few buffers each, whatever the size of the file', async () => {
  const mib = Number(process.env['FASTDFS_TEST_MIB'] ?? 256)
  const program = join(__dirname, 'plain-node/slow-readers.mts')
  const { stdout } = await run(process.execPath, ['--import', 'tsx', program, String(mib)], {
    timeout: 50_000,
  })
  const { waiting, read, grown } = JSON.parse(stdout) as Record<'waiting' | 'read' | 'grown', number>
  expect(read).toBe(mib)
  // Twenty readers.
  expect(waiting).toBeLessThan(64)
  expect(grown).toBeLessThan(96)
}, 60_000)
