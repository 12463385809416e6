/** What stands in the README's code without being made there, with values that it runs with. */
import { once } from 'node:events'
import { createReadStream, createWriteStream } from 'node:fs'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import type { RequestListener } from 'node:http'
import { createServer } from 'node:http'
import { PassThrough, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import tls from 'node:tls'
import express from 'express'
import fastify from 'fastify'
import { FastDfsClient } from '../../src/index.js'
import type { Cluster } from '../../src/testing/index.js'

/** What a server has of an upload. */
function incoming(): Readable & { headers: Record<string, string>; signal: AbortSignal } {
  const body = Buffer.alloc(1000)
  const headers = { 'content-length': String(body.length) }
  return Object.assign(Readable.from([body]), { headers, signal: new AbortController().signal })
}

/** Bytes of film.mp4: more than one chunk. */
export const FILM = 9 * 1024 * 1024

/** Fresh ones for each block. */
export async function names(cluster: Cluster) {
  const client = new FastDfsClient(cluster.clientOptions())
  const upload = async (): Promise<string> => (await client.uploadFile(Buffer.alloc(2000), { ext: 'bin' })).id
  const recorded = new URL('../fixtures/python/python-2.7-v5.11.json', import.meta.url)
  const { records } = JSON.parse(await readFile(recorded, 'utf8')) as {
    records: { storage: { packet: string } }
  }
  return {
    FastDfsClient,
    createReadStream,
    createWriteStream,
    // Whatever port the README says.
    createServer: (handler: RequestListener) => ({
      listen: (() => createServer(handler).listen(0, '127.0.0.1')) as (port: number) => unknown,
    }),
    once,
    pipeline,
    readFile,
    rename,
    tls,
    writeFile,
    app: express(),
    buffer: Buffer.alloc(2000),
    ca: 'a certificate',
    client,
    cluster,
    data: Buffer.from('some text'),
    fastify: fastify(),
    hash: createHash('sha256'),
    id: await upload(),
    ids: [await upload(), await upload()],
    offset: 10,
    packet: Buffer.from(records.storage.packet, 'hex'),
    path: 'photo.jpg',
    photo: { id: await upload() },
    request: incoming(),
    response: new PassThrough().resume(),
    secret: 'FastDFS1234567890',
    shutdown: new AbortController(),
    size: FILM,
    thumbnail: Buffer.from('a thumbnail'),
    trackers: cluster.clientOptions().trackers,
  }
}
