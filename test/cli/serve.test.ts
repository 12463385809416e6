import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { VERSION } from '../../src/cli/version.js'
import { FastDfsClient } from '../../src/index.js'
import { fastdfs, outputOf, root, waitFor } from './command.js'

// Each starts processes that compile the sources first.
jest.setTimeout(60_000)

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

  it('says in a line of JSON when it is ready, and takes all options as flags', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'fastdfs-serve-'))
    await writeFile(join(dir, 'hello.txt'), 'hello')
    const child = fastdfs(
      ...['serve', '--json', '--port', '0', '--groups', 'images,audio', '--storages', '2'],
      ...[
        '--total-space',
        '1G',
        '--free-space',
        '100M',
        '--store-paths',
        '2',
        '--seed',
        join(dir, 'hello.txt'),
      ],
    )
    const line = await waitFor(child, '\n')
    const ready = JSON.parse(line) as Record<'env' | 'trackers' | 'storages' | 'seeded', never>
    expect(ready).toMatchObject({
      ready: true,
      pid: child.pid,
      trackers: [{ name: 'tracker1', host: '127.0.0.1', state: 'running' }],
      storages: ['images', 'images', 'audio', 'audio'].map((group) => ({ group, state: 'running' })),
      seeded: [expect.stringMatching(/^(images|audio)\/M0[01]\/.*\.txt$/)],
    })
    await using client = new FastDfsClient({ trackers: ready.env['FASTDFS_TRACKERS'] })
    expect((await client.downloadFile(ready.seeded[0])).toString()).toBe('hello')
    const [storage] = await client.admin.listStorages('images')
    expect(storage).toMatchObject({ totalBytes: 2 * 2 ** 30 })
    child.kill()
    await once(child, 'close')
    await rm(dir, { recursive: true })
  })

  it('advertises an address that others can reach when it listens on all', async () => {
    const child = fastdfs('serve', '--json', '--port', '0', '--host', '0.0.0.0')
    const ready = JSON.parse(await waitFor(child, '\n')) as { env: { FASTDFS_TRACKERS: string } }
    const outer = Object.values(networkInterfaces())
      .flatMap((list) => list ?? [])
      .find(({ internal, family }) => !internal && family === 'IPv4')
    const host = outer?.address ?? '127.0.0.1'
    const port = Number(ready.env.FASTDFS_TRACKERS.split(':')[1])
    expect(ready.env.FASTDFS_TRACKERS).toBe(`${host}:${port}`)
    await using client = new FastDfsClient({ trackers: ready.env.FASTDFS_TRACKERS })
    expect((await client.tracker.queryStore()).host).toBe(host)
    child.kill()
    await once(child, 'close')
  })

  it('advertises the address it is told, wherever it listens', async () => {
    const child = fastdfs('serve', '--json', '--port', '0', '--advertise', '203.0.113.7')
    const ready = JSON.parse(await waitFor(child, '\n')) as { env: { FASTDFS_TRACKERS: string } }
    const port = Number(/^203\.0\.113\.7:(\d+)$/.exec(ready.env.FASTDFS_TRACKERS)?.[1])
    await using client = new FastDfsClient({ trackers: [{ host: '127.0.0.1', port }] })
    expect((await client.tracker.queryStore()).host).toBe('203.0.113.7')
    child.kill()
    await once(child, 'close')
  })

  it('runs a command with the cluster, and passes its exit code on', async () => {
    const program = `
      const { readFileSync } = require('node:fs')
      const { FASTDFS_TRACKERS, FASTDFS_CONFIG } = process.env
      const said = readFileSync(FASTDFS_CONFIG, 'utf8').includes('tracker_server = ' + FASTDFS_TRACKERS)
      const [host, port] = FASTDFS_TRACKERS.split(':')
      require('node:net').connect(port, host, () => process.exit(said ? 7 : 1))`
    const { code, stdout, stderr } = await outputOf(fastdfs('serve', '--', process.execPath, '-e', program))
    expect([code, stdout, stderr]).toEqual([7, '', ''])
  })

  it('passes signals on to its command, and says how it ended', async () => {
    const program = `process.on('SIGTERM', () => process.exit(9)); console.log('ready'); setInterval(() => {}, 1000)`
    const child = fastdfs('serve', '--', process.execPath, '-e', program)
    await waitFor(child, 'ready')
    child.kill('SIGTERM')
    expect(await once(child, 'close')).toEqual([9, null])
    const killed = await outputOf(
      fastdfs('serve', '--', process.execPath, '-e', 'process.kill(process.pid, "SIGKILL")'),
    )
    expect(killed.code).toBe(128 + 9)
    const missing = await outputOf(fastdfs('serve', '--', 'no-such-program'))
    expect(missing.code).toBe(127)
    expect(missing.stderr).toContain('no-such-program cannot be run')
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
