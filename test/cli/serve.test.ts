import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { VERSION } from '../../src/cli/version.js'
import { FastDfsClient } from '../../src/index.js'

const root = join(__dirname, '../..')

function fastdfs(...args: string[]): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, ['--import', 'tsx', 'src/cli/main.ts', ...args], { cwd: root })
}

async function outputOf(
  child: ChildProcessWithoutNullStreams,
): Promise<{ code: unknown; stdout: string; stderr: string }> {
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number]
  return { code, stdout, stderr }
}

/** Reads standard output up to a text. */
async function waitFor(child: ChildProcessWithoutNullStreams, text: string): Promise<string> {
  let seen = ''
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    seen += String(chunk)
    if (seen.includes(text)) return seen
  }
  throw new Error(`ended before ${JSON.stringify(text)}: ${seen}`)
}

describe('fastdfs serve', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('runs a cluster until %s', async (signal) => {
    const child = fastdfs('serve', '--port', '0', '--trackers', '2', '--groups', '2')
    const text = await waitFor(child, 'tracker_server = 127.0.0.1:')
    expect(text).toContain('FastDFS is ready: 2 trackers, 2 groups, 2 storages, files in memory')
    const trackers = /^FASTDFS_TRACKERS=(127\.0\.0\.1:\d+,127\.0\.0\.1:\d+)$/m.exec(text)?.[1] as string
    await using client = new FastDfsClient({ trackers })
    const { id } = await client.uploadFile(Buffer.from('hello'))
    expect((await client.downloadFile(id)).toString()).toBe('hello')
    child.kill(signal)
    expect(await once(child, 'close')).toEqual([0, null])
  })

  it('prints a client.conf', async () => {
    const child = fastdfs('serve', '--port', '0')
    const text = await waitFor(child, 'tracker_server = 127.0.0.1:')
    child.kill()
    await once(child, 'close')
    const conf = text.slice(text.indexOf('# client.conf'))
    expect(conf).toMatch(
      /^# client\.conf\nconnect_timeout = 5\nnetwork_timeout = 30\nbase_path = .+\ntracker_server = 127\.0\.0\.1:\d+\n/,
    )
  })

  it('serves files over HTTP where it is told to', async () => {
    const child = fastdfs('serve', '--port', '0', '--groups', '2', '--http-port', '0')
    const text = await waitFor(child, 'tracker_server = 127.0.0.1:')
    await using client = new FastDfsClient({ trackers: /TRACKERS=(.*)/.exec(text)?.[1] as string })
    for (const group of ['group1', 'group2']) {
      const { id } = await client.uploadFile(Buffer.from(group), { group })
      const base = new RegExp(`^${group}-storage1: (http://127\\.0\\.0\\.1:\\d+/)$`, 'm').exec(text)?.[1]
      const response = await fetch(`${base}${id}`)
      expect([response.status, await response.text()]).toEqual([200, group])
    }
    child.kill()
    await once(child, 'close')
  })

  it('keeps files in a folder over restarts', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'fastdfs-serve-'))
    let id = ''
    for (const turn of ['first', 'second']) {
      const child = fastdfs('serve', '--port', '0', '--dir', dir)
      const text = await waitFor(child, 'tracker_server = 127.0.0.1:')
      await using client = new FastDfsClient({ trackers: /TRACKERS=(.*)/.exec(text)?.[1] as string })
      if (turn === 'first')
        ({ id } = await client.uploadFile(Buffer.from('kept'), { ext: 'txt', metadata: { a: '1' } }))
      expect((await client.downloadFile(id)).toString()).toBe('kept')
      expect(await client.getMetadata(id)).toEqual({ a: '1' })
      child.kill()
      await once(child, 'close')
    }
    const name = id.slice('group1/M00/'.length)
    const stored = join(dir, 'group1-storage1', 'store_path0', 'data', name)
    expect((await readFile(stored)).toString()).toBe('kept')
    await rm(dir, { recursive: true })
  })

  it.each([
    [['serve', '--port', 'x'], /--port.*it must be a whole number from 0 to 65535/s],
    [['serve', '--http-port', '70000'], /--http-port.*it must be a whole number from 0 to 65535/s],
    [['serve', '--storages', '33'], /--storages.*it must be a whole number from 1 to 32/s],
    [['serve', '--trackes', '2'], /unknown option '--trackes'.*Did you mean --trackers\?/s],
    [['server'], /unknown command 'server'.*Did you mean serve\?/s],
    [['serve', '--port', '0', '--dir', '/dev/null/x'], /fastdfs: |ENOTDIR/],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await outputOf(fastdfs(...args))
    expect(code).toBe(1)
    expect(stderr).toMatch(message)
  })

  it('says its version', async () => {
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string }
    expect(VERSION).toBe(version)
    expect((await outputOf(fastdfs('--version'))).stdout.trim()).toBe(version)
  })
})
