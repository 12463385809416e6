import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { serveCommand } from '../../src/cli/serve.js'
import { VERSION } from '../../src/cli/version.js'
import { FastDfsClient, parseFileId } from '../../src/index.js'
import type { ClusterOptions } from '../../src/testing/index.js'
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

  it('gives the trackers their rules, and the cluster its clock, wide addresses and tokens', async () => {
    const child = fastdfs(
      ...['serve', '--json', '--port', '0', '--groups', 'images,audio', '--store-lookup', 'group'],
      ...['--store-group', 'audio', '--store-server', 'first', '--store-path', 'load-balance'],
      ...['--download-server', 'source', '--reserved-storage-space', '1%', '--check-active-interval', '9000'],
      ...['--storage-sync-file-max-delay', '7000', '--storage-sync-file-max-time', '8000'],
      ...[
        '--address-size',
        '46',
        '--clock',
        '2026-01-31T12:00:00Z',
        '--http-port',
        '0',
        '--http-secret',
        'key',
      ],
    )
    const ready = JSON.parse(await waitFor(child, '\n')) as {
      env: { FASTDFS_TRACKERS: string }
      storages: { http: string }[]
    }
    await using client = new FastDfsClient({ trackers: ready.env.FASTDFS_TRACKERS })
    expect(await client.admin.parameters()).toMatchObject({
      reserved_storage_space: '1.00%',
      storage_sync_file_max_delay: '7',
      response_ip_addr_size: '46',
    })
    const uploads = await Promise.all([1, 2, 3, 4].map(() => client.uploadFile(Buffer.from('hello'))))
    expect(uploads.map(({ group }) => group)).toEqual(['audio', 'audio', 'audio', 'audio'])
    const id = uploads[0]?.id ?? ''
    expect(parseFileId(id).createdAt).toEqual(new Date('2026-01-31T12:00:00Z'))
    expect((await fetch(`${ready.storages[1]?.http}${id}`)).status).toBe(400)
    child.kill()
    await once(child, 'close')
  })

  it('has a flag for every option of a cluster that a process can have', () => {
    const flags: Record<keyof ClusterOptions, readonly string[]> = {
      trackers: ['--trackers'],
      groups: ['--groups', '--store-paths', '--total-space', '--free-space'],
      storages: ['--storages'],
      storageIds: ['--no-storage-ids'],
      host: ['--host'],
      advertise: ['--advertise'],
      ports: ['--port', '--storage-port'],
      profile: ['--profile'],
      addressSize: ['--address-size'],
      store: ['--dir'],
      replication: ['--replication'],
      http: ['--http-port', '--http-secret', '--http-response-mode'],
      seed: ['--seed'],
      clock: ['--clock'],
      // SIGINT and SIGTERM.
      signal: [],
      storeLookup: ['--store-lookup'],
      storeGroup: ['--store-group'],
      storeServer: ['--store-server'],
      storePath: ['--store-path'],
      downloadServer: ['--download-server'],
      reservedStorageSpace: ['--reserved-storage-space'],
      checkActiveInterval: ['--check-active-interval'],
      storageSyncFileMaxDelay: ['--storage-sync-file-max-delay'],
      storageSyncFileMaxTime: ['--storage-sync-file-max-time'],
    }
    const there = serveCommand().options.map(({ long }) => long)
    expect(new Set(there)).toEqual(new Set([...Object.values(flags).flat(), '--json', '--control']))
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

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'passes %s on to its command, and its exit code back',
    async (signal) => {
      const program = `process.on('${signal}', () => process.exit(9)); console.log('ready'); setInterval(() => {}, 1000)`
      const child = fastdfs('serve', '--', process.execPath, '-e', program)
      await waitFor(child, 'ready')
      child.kill(signal)
      expect(await once(child, 'close')).toEqual([9, null])
    },
  )

  it('says how its command ended where that has no exit code', async () => {
    const killed = await outputOf(
      fastdfs('serve', '--', process.execPath, '-e', 'process.kill(process.pid, "SIGKILL")'),
    )
    expect(killed.code).toBe(128 + 9)
    const missing = await outputOf(fastdfs('serve', '--', 'no-such-program'))
    expect(missing.code).toBe(127)
    expect(missing.stderr).toContain('no-such-program cannot be run')
  })

  it('is driven by another process through its control port', async () => {
    const child = fastdfs(
      ...['serve', '--json', '--port', '0', '--control', '0', '--storages', '2', '--replication', 'manual'],
    )
    const ready = JSON.parse(await waitFor(child, '\n')) as {
      control: string
      env: { FASTDFS_TRACKERS: string }
    }
    const ask = async (method: string, path: string, body?: object): Promise<unknown> => {
      const text = body && JSON.stringify(body)
      const answer = await fetch(`${ready.control}${path}`, {
        method,
        ...(text && { body: text }),
        headers: {},
      })
      if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`)
      return answer.json()
    }
    expect(await ask('GET', '/')).toMatchObject({ ready: true, storages: [{}, { state: 'running' }] })
    await using client = new FastDfsClient({ trackers: ready.env.FASTDFS_TRACKERS, retries: 0 })
    const files = async (): Promise<number[]> =>
      ((await ask('GET', '/stats')) as { files: number }[]).slice(1).map((member) => member.files)
    await ask('POST', '/faults', { match: { command: 'uploadFile', times: 1 }, effect: { status: 28 } })
    await expect(client.uploadFile(Buffer.from('full'))).rejects.toMatchObject({ status: 28 })
    expect(await ask('GET', '/faults')).toMatchObject([{ id: '1', hits: 1 }])
    await client.uploadFile(Buffer.from('hello'))
    expect((await files()).sort()).toEqual([0, 1])
    await ask('POST', '/replicate')
    expect(await files()).toEqual([1, 1])
    expect(await ask('GET', '/requests?command=uploadFile&from=clients')).toMatchObject([
      { status: 28 },
      { status: 0, contentSize: 5 },
    ])
    await ask('POST', '/members/group1-storage1/stop')
    expect(await ask('GET', '/')).toMatchObject({ storages: [{ state: 'stopped' }, { state: 'running' }] })
    await ask('POST', '/members/group1-storage1/start')
    expect(await ask('GET', '/')).toMatchObject({ storages: [{ state: 'running' }, { state: 'running' }] })
    await ask('POST', '/reset')
    expect([await files(), await ask('GET', '/faults')]).toEqual([[0, 0], []])
    const { port } = new URL(ready.control)
    const second = await outputOf(fastdfs('serve', '--port', '0', '--control', port))
    expect([second.code, second.stderr]).toEqual([
      1,
      expect.stringContaining('fastdfs: the control port cannot be listened on: listen EADDRINUSE') as string,
    ])
    child.kill()
    expect(await once(child, 'close')).toEqual([0, null])
  })

  it('says which port is taken', async () => {
    const rival = createServer().listen(0, '127.0.0.1')
    await once(rival, 'listening')
    const { port } = rival.address() as AddressInfo
    const { code, stderr } = await outputOf(fastdfs('serve', '--port', String(port)))
    expect([code, stderr]).toEqual([
      1,
      `fastdfs: cannot listen: listen EADDRINUSE: address already in use 127.0.0.1:${port} (at 127.0.0.1:${port})\n`,
    ])
    rival.close()
  })

  it.each([
    [['serve', '--port', 'x'], /--port.*it must be a whole number from 0 to 65535/s],
    [['serve', '--http-port', '70000'], /--http-port.*it must be a whole number from 0 to 65535/s],
    [['serve', '--storages', '33'], /--storages.*it must be a whole number from 1 to 32/s],
    [['serve', '--trackes', '2'], /unknown option '--trackes'.*Did you mean --trackers\?/s],
    [
      ['serve', '--store-lookup', 'any'],
      /--store-lookup.*Allowed choices are round-robin, group, load-balance/s,
    ],
    [['serve', '--store-lookup', 'group'], /fastdfs: storeLookup is 'group', so storeGroup must name one/],
    [['serve', '--reserved-storage-space', 'x'], /--reserved-storage-space.*it must be a size such as 500M/s],
    [['serve', '--reserved-storage-space', '120%'], /fastdfs: reservedStorageSpace must be/],
    [['serve', '--check-active-interval', '5'], /it must be a whole number from 1000/],
    [['serve', '--clock', 'now'], /--clock.*it must be a time such as 2026-01-31/s],
    [['serve', '--address-size', '6'], /--address-size.*it must be 16 or 46/s],
    [
      ['serve', '--address-size', '46', '--profile', 'V6.06'],
      /fastdfs: addresses of 46 bytes came with V6.11/,
    ],
    [['serve', '--http-secret', 'x'], /fastdfs: --http-secret and --http-response-mode need --http-port/],
    [['serve', '--groups', '0'], /--groups.*it must be a whole number from 1 to 512/s],
    [['serve', '--seed', '/no/file'], /^fastdfs: --seed \/no\/file cannot be read: ENOENT/],
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
