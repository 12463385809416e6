import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Dialect } from '../../src/protocol/index.js'

/** One packet of a recorded connection; see test/fixtures/captures/README.md. */
export interface CapturedPacket {
  dir: 'request' | 'response'
  cmd: number
  status: number
  length: number
  hex: string
  cut?: boolean
}

export interface CapturedConnection {
  version: string
  to: 'tracker' | 'storage'
  from: string
  packets: CapturedPacket[]
}

/** A request with the response that followed it, if one did. */
export interface Exchange {
  file: string
  line: number
  to: 'tracker' | 'storage'
  dialect: Dialect
  request: CapturedPacket
  response: CapturedPacket | undefined
}

// The fuzz runner is an ES module, without `__dirname`; npm starts it in the package's folder.
const fixtures = join(typeof __dirname === 'string' ? __dirname : 'test/support', '../fixtures')

/** All exchanges in the files of a folder of fixtures. */
export function exchangesOf(folder: 'captures' | 'recorded'): Exchange[] {
  return readdirSync(join(fixtures, folder))
    .filter((file) => file.endsWith('.jsonl'))
    .flatMap((file) =>
      readFileSync(join(fixtures, folder, file), 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .flatMap((text, index) =>
          pair(`${folder}/${file}`, index + 1, JSON.parse(text) as CapturedConnection),
        ),
    )
}

function pair(file: string, line: number, connection: CapturedConnection): Exchange[] {
  const dialect = dialectOf(connection.version)
  const exchanges: Exchange[] = []
  for (const packet of connection.packets) {
    const last = exchanges.at(-1)
    if (packet.dir === 'request') {
      exchanges.push({ file, line, to: connection.to, dialect, request: packet, response: undefined })
    } else if (last !== undefined && last.response === undefined) last.response = packet
    else throw new Error(`${file}:${line} has a response without a request`)
  }
  return exchanges
}

/** `V6.16.1+ipv6-size` → the dialect in which those daemons write. */
function dialectOf(label: string): Dialect {
  const [version = '', extra] = label.slice(1).split('+')
  const wide = extra === 'ipv6-size' || version.startsWith('6.12')
  return { version, addressSize: wide ? 46 : 16 }
}
