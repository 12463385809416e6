/** The clients from npm, as their own documentation uses them. */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { promisify } from 'node:util'
import type { BenchClient } from './client.js'
import { METADATA } from './client.js'

export const NPM_CLIENTS = ['fdfs-client', 'fdfs', 'fastdfs-client'] as const
export type NpmClient = (typeof NPM_CLIENTS)[number]

interface Options {
  readonly trackers: readonly { readonly host: string; readonly port: number }[]
  readonly logger: { log(): void }
}
/** All three have these methods; the oldest one gives its results to a callback. */
interface Fdfs {
  upload(source: Buffer | string, options: { ext: string }): Promise<string>
  download(id: string, target: Writable | string): Promise<unknown>
  del(id: string): Promise<unknown>
  setMetaData(id: string, metadata: object, flag: 'O'): Promise<unknown>
  getMetaData(id: string): Promise<object>
  getFileInfo(id: string): Promise<{ readonly size: number | string }>
}

/** @param folder - where it is installed */
export function npmClient(name: NpmClient, folder: string, trackers: readonly string[]): BenchClient {
  const require = createRequire(join(folder, 'any.js'))
  const Client = require(name) as new (options: Options) => Fdfs
  const made = new Client({
    trackers: trackers.map((text) => {
      const colon = text.lastIndexOf(':')
      return { host: text.slice(0, colon), port: Number(text.slice(colon + 1)) }
    }),
    logger: { log: () => {} },
  })
  const client = name === 'fdfs-client' ? promised(made) : made
  const options = { ext: 'bin' }
  return {
    upload: (content) => client.upload(content, options),
    download: async (id) => {
      const chunks: Buffer[] = []
      await client.download(
        id,
        sink((chunk) => chunks.push(chunk)),
      )
      return Buffer.concat(chunks)
    },
    delete: async (id) => {
      await client.del(id)
    },
    metadata: async (id) => {
      await client.setMetaData(id, Object.fromEntries(METADATA), 'O')
      return Object.keys(await client.getMetaData(id)).length
    },
    info: async (id) => Number((await client.getFileInfo(id)).size),
    query: () => Promise.reject(new Error('the client has no such method')),
    uploadPath: (path) => client.upload(path, options),
    downloadPath: async (id, path) => {
      await client.download(id, path)
      // It may say so before all is written.
      return (await readFile(path)).length
    },
    downloadDiscarded: async (id) => {
      let size = 0
      await client.download(
        id,
        sink((chunk) => (size += chunk.length)),
      )
      return size
    },
    // None can be closed: the process that is measured ends.
    close: async () => {},
  }
}

function sink(take: (chunk: Buffer) => void): Writable {
  return new Writable({
    write(chunk: Buffer, _, done) {
      take(chunk)
      done()
    },
  })
}

/** Methods that take a callback behind their arguments, as methods that return promises. */
function promised(client: object): Fdfs {
  const methods = client as Record<string | symbol, (...args: unknown[]) => void>
  return new Proxy(client, {
    get: (_, name) => promisify((methods[name] as () => void).bind(client)),
  }) as Fdfs
}
