// Uses the packed tarball as its users do: require, import, types in three resolutions, and the command.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = process.cwd()
const folder = mkdtempSync(join(tmpdir(), 'fastdfs-package-'))
const run = (command, args) => execFileSync(command, args, { cwd: folder, encoding: 'utf8' })

try {
  const [{ filename, files }] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
      encoding: 'utf8',
    }),
  )
  const packed = files.map(({ path }) => path)
  for (const path of [
    'dist/index.js',
    'dist/index.cjs',
    'dist/index.d.ts',
    'dist/index.d.cts',
    'dist/cli.js',
    'docs/migration/fdfs_client-py.md',
    'LICENSE',
  ]) {
    assert(packed.includes(path), `${path} is not in the package`)
  }
  assert(!packed.some((path) => /^(src|test|bench|examples)\//.test(path)), 'sources are in the package')
  // One such character, and V8 holds the text of the whole file in two bytes for each. esbuild escapes those in strings,
  // and leaves those in the comments that it keeps.
  for (const path of packed.filter((path) => /\.c?js$/.test(path))) {
    const wide = readFileSync(path, 'utf8').match(/.*[^\0-\xff].*/)
    assert.equal(wide, null, `${path} holds a character beyond U+00FF: ${wide}`)
  }

  // Dependencies come from this checkout, so that nothing is fetched.
  for (const scope of ['@types', '@opentelemetry'])
    mkdirSync(join(folder, 'node_modules', scope), { recursive: true })
  run('tar', ['xzf', filename])
  cpSync(join(folder, 'package'), join(folder, 'node_modules/fastdfs'), { recursive: true })
  for (const name of [
    'content-disposition',
    'generic-pool',
    'mime-db',
    'mime-types',
    'p-retry',
    'is-network-error',
    'debug',
    'ms',
    'prom-client',
    '@opentelemetry/api',
    'tdigest',
    'bintrees',
    '@types/node',
    'undici-types',
  ]) {
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name))
  }

  const use = `
    assert.equal(typeof fastdfs.FastDfsClient, 'function')
    prometheus.collectMetrics().stop()
    assert.equal(protocol.findCommand('storage', 11).name, 'uploadFile')
    testing.startCluster({ http: true }).then(async (cluster) => {
      const client = cluster.client()
      const { id } = await client.uploadFile(Buffer.from('hello'), { ext: 'txt' })
      const response = await fetch(http.fileUrl(id, { base: cluster.http('group1', 0).url, filename: 'a b.txt' }))
      assert.equal(await response.text(), 'hello')
      assert.equal(response.headers.get('content-type'), 'text/plain')
      assert.equal(response.headers.get('content-disposition'), 'attachment; filename="a b.txt"')
      assert.equal((await client.downloadFile(id)).toString(), 'hello')
      // One class in all entry points and in both formats.
      await assert.rejects(client.downloadFile('x'), (error) => error instanceof fastdfs.InvalidFileIdError)
      assert.throws(() => http.parseFileUrl('x'), (error) => error instanceof fastdfs.InvalidFileIdError)
      // A client of either format does the work of Fdfs_client.
      const python = new compat.Fdfs_client(null, client)
      assert.equal((await python.upload_by_buffer('hello'))['Uploaded size'], '5B')
      await assert.rejects(python.delete_file('x'), compat.DataError)
      await cluster.stop()
      console.log('works')
    })`
  const names = {
    fastdfs: 'fastdfs',
    protocol: 'fastdfs/protocol',
    http: 'fastdfs/http',
    testing: 'fastdfs/testing',
    compat: 'fastdfs/compat',
    prometheus: 'fastdfs/prometheus',
  }
  const lines = (format) => Object.entries(names).map(format).join('\n')
  writeFileSync(
    join(folder, 'use.cjs'),
    `const assert = require('node:assert/strict')\n${lines(([name, path]) => `const ${name} = require('${path}')`)}\n${use}`,
  )
  writeFileSync(
    join(folder, 'use.mjs'),
    `import assert from 'node:assert/strict'\n${lines(([name, path]) => `import * as ${name} from '${path}'`)}\n${use}`,
  )
  // As on Node 20.0 to 20.18, which cannot require an ES module.
  const flags = process.allowedNodeEnvironmentFlags.has('--experimental-require-module')
    ? ['--no-experimental-require-module']
    : []
  assert.equal(run(process.execPath, [...flags, 'use.cjs']).trim(), 'works')
  assert.equal(run(process.execPath, ['use.mjs']).trim(), 'works')

  const cli = join(folder, 'node_modules/fastdfs/dist/cli.js')
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  assert.equal(run(process.execPath, [cli, '--version']).trim(), version)

  const consumer = `
    import { FastDfsClient, FastDfsError, type UploadedFile } from 'fastdfs'
    import { encodeRequest, storageCommands } from 'fastdfs/protocol'
    import { startCluster } from 'fastdfs/testing'
    import { createServer } from 'node:http'
    import { clientFiles, fileHandler, type FileStore } from 'fastdfs/http'
    import { Fdfs_client, type UploadResult } from 'fastdfs/compat'
    export const python = (path: string): Promise<UploadResult> => new Fdfs_client().upload_by_filename(path)
    import { collectMetrics } from 'fastdfs/prometheus'
    export async function use(): Promise<UploadedFile> {
      const cluster = await startCluster({ trackers: 2 })
      const client = new FastDfsClient(cluster.clientOptions())
      const files: FileStore = clientFiles(client)
      createServer(fileHandler(files, { secret: 'x' })).close()
      collectMetrics({ clients: [client] })
      const packet: Uint8Array = encodeRequest(storageCommands.deleteFile, { group: 'group1', name: 'M00' })
      // @ts-expect-error - a field is missing
      encodeRequest(storageCommands.deleteFile, { group: 'group1' })
      try { return await client.uploadFile(packet, { ext: 'bin' }) }
      catch (error) { if (error instanceof FastDfsError) console.log(error.code, error.endpoint); throw error }
    }`
  for (const [extension, options] of [
    ['mts', { module: 'nodenext', moduleResolution: 'nodenext' }],
    ['cts', { module: 'nodenext', moduleResolution: 'nodenext' }],
    ['ts', { module: 'commonjs', moduleResolution: 'node10' }],
    ['ts', { module: 'esnext', moduleResolution: 'bundler' }],
  ]) {
    writeFileSync(join(folder, `consumer.${extension}`), consumer)
    const compilerOptions = {
      ...options,
      target: 'es2022',
      lib: ['es2022'],
      strict: true,
      noEmit: true,
      types: ['node'],
    }
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, files: [`consumer.${extension}`] }),
    )
    try {
      run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', '.'])
    } catch (error) {
      throw new Error(`types under ${options.moduleResolution} (.${extension}):\n${error.stdout}`, {
        cause: error,
      })
    }
  }
  console.log(`package: ${packed.length} files; require, import, types and the command work`)
} finally {
  rmSync(folder, { recursive: true })
}
