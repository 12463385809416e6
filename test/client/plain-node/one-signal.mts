/** One signal ends more downloads than Node thinks right: it warns of a leak, on stderr, where nobody tells it better. */
import { PassThrough } from 'node:stream'
import { FastDfsClient } from '../../../src/index.js'
import { ID } from './servers.mjs'

const client = new FastDfsClient({ trackers: '127.0.0.1:1' })
const [ofStreams, ofSinks] = [new AbortController(), new AbortController()]
const many = Array.from({ length: 11 })
const streams = many.map(() => client.downloadStream(ID, { signal: ofStreams.signal }))
const errors = streams.map((stream) => new Promise((resolve) => stream.once('error', resolve)))
const sinks = many.map(() => new PassThrough().on('error', () => {}))
const calls = sinks.map((sink) =>
  client.downloadFile(ID, sink, { signal: ofSinks.signal }).catch((error: unknown) => error),
)
ofStreams.abort()
ofSinks.abort()
const ended = (await Promise.all([...errors, ...calls])) as { code: string }[]
console.log(new Set(ended.map(({ code }) => code)))
await client.close()
