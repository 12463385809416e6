/**
 * Plays a video from FastDFS in headless Chromium, with seeking. The browser makes the video itself. CHROMIUM names the
 * browser; where there is none, nothing is run. FASTDFS_TRACKERS names a cluster; without it, an embedded one is used.
 */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { FastDfsClient } from '../../src/index.js'
import { clientFiles, fileHandler, fileUrl } from '../../src/http/index.js'
import { startCluster } from '../../src/testing/index.js'

interface Report {
  readonly error?: string
  readonly size: number
  readonly duration: number
  /** The second that was shown after each seek. */
  readonly shown: readonly number[]
  readonly playedOn: number
}

const { CHROMIUM } = process.env
const names = CHROMIUM === undefined ? ['chromium', 'chromium-browser', 'google-chrome'] : [CHROMIUM]
const browser = names.find((name) => spawnSync(name, ['--version']).status === 0)
if (browser === undefined) {
  console.log('browser: not run, since there is no Chromium; CHROMIUM names one')
  process.exit()
}

const { FASTDFS_TRACKERS } = process.env
const cluster = FASTDFS_TRACKERS === undefined ? await startCluster() : undefined
const client = new FastDfsClient(cluster?.clientOptions() ?? { trackers: FASTDFS_TRACKERS as string })
const profile = await mkdtemp(join(tmpdir(), 'fastdfs-browser-'))
const failures: unknown[] = []
const handler = fileHandler(clientFiles(client), {
  prefix: '/files',
  onError: (error) => failures.push(error),
})
/** What was asked of the file, and how it was answered. */
const asked: { range: string | undefined; status: number; whole: boolean }[] = []
const ids: string[] = []
const mediabunny = join(dirname(createRequire(import.meta.url).resolve('mediabunny')), 'mediabunny.mjs')

let report: (result: Report) => void
const reported = new Promise<Report>((resolve) => (report = resolve))

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  switch (request.url) {
    case '/':
      response.setHeader('Content-Type', 'text/html')
      return void response.end(await readFile(new URL('page.html', import.meta.url)))
    case '/mediabunny.mjs':
      response.setHeader('Content-Type', 'text/javascript')
      return void response.end(await readFile(mediabunny))
    case '/upload': {
      const { id } = await client.uploadFile(request, {
        size: Number(request.headers['content-length']),
        ext: 'webm',
      })
      ids.push(id)
      return void response.end(fileUrl(id, { base: '/files' }))
    }
    case '/report':
      report(JSON.parse(await text(request)) as Report)
      return void response.end()
    default:
      response.once('close', () => {
        const { statusCode: status, writableFinished: whole } = response
        asked.push({ range: request.headers.range, status, whole })
      })
      handler(request, response)
  }
}

const server = createServer((request, response) => {
  serve(request, response).catch((error: unknown) => response.destroy(error as Error))
}).listen(0, '127.0.0.1')
await once(server, 'listening')
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
const flags = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--autoplay-policy=no-user-gesture-required',
]
const running = spawn(browser, [...flags, `--user-data-dir=${profile}`, url], { stdio: 'ignore' })
const limit = setTimeout(() => running.kill(), 120_000)
try {
  const result = await Promise.race([
    reported,
    once(running, 'exit').then(() => Promise.reject(new Error('the browser ended without a report'))),
  ])
  assert.equal(result.error, undefined)
  // Each seek shows the second that was sought, and playing goes on from there.
  assert.deepEqual(result.shown, [35, 3, 20])
  assert.ok(Math.abs(result.duration - 40) < 1, `the video lasts ${result.duration} s`)
  assert.ok(result.playedOn >= 1)
  assert.deepEqual(failures, [])
  console.table(asked)
  // 304: what the browser has already, and asks for again with its ETag.
  assert.ok(asked.every(({ status }) => [200, 206, 304].includes(status)))
  // Seeking reads from the middle, and the browser does not wait for what it no longer wants.
  const sought = asked.filter(({ range }) => range !== undefined && !range.startsWith('bytes=0-'))
  assert.ok(sought.some(({ status }) => status === 206))
  assert.ok(asked.some(({ whole }) => !whole))
  console.log(`browser: played and sought in a video of ${(result.size / 1e6).toFixed(1)} MB`)
} finally {
  clearTimeout(limit)
  running.kill()
  if (running.exitCode === null && running.signalCode === null) await once(running, 'exit')
  server.closeAllConnections()
  server.close()
  for (const id of ids) await client.deleteFile(id)
  await client.close()
  await cluster?.stop()
  await rm(profile, { recursive: true, force: true, maxRetries: 5 })
}
