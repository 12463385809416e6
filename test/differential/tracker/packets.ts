/** What storages send, in the layouts of each version (protocol.md §4.1), put together by that page alone. */
import type { Dialect } from '../../../src/protocol/index.js'
import { bytes, i64, str } from '../../server/raw.js'

/** A 32-bit number. */
export function i32(value: number): Buffer {
  return i64(value).subarray(4)
}

/** What a storage says of itself. */
export interface JoinFields {
  readonly group: string
  readonly id: string
  readonly port: number
  readonly paths: number
  readonly subdirs: number
  readonly priority: number
  readonly initFlag: number
  readonly status: number
  readonly trackers: readonly string[]
}

/** The layouts of one version. */
export class Packets {
  readonly #version: string
  readonly #minor: number

  constructor({ version }: Dialect) {
    const [major = 0, minor = 0] = version.split('.').map(Number)
    this.#version = version
    this.#minor = (major - 6) * 100 + minor
  }

  /** Whether it is V6.`minor` or newer. */
  since(minor: number): boolean {
    return this.#minor >= minor
  }

  /** An address between servers. */
  address(ip: string): Buffer {
    return str(ip, this.since(11) ? 46 : 16)
  }

  /** A brief record; its port is 0. */
  brief(status: number, id: string, ip = id): Buffer {
    return bytes(status, i32(0), str(id, 16), this.address(ip))
  }

  join(fields: JoinFields): Buffer {
    const { group, port, paths, subdirs, priority, initFlag, status, id, trackers } = fields
    const hasDomain = !this.since(13)
    return bytes(
      str(group, 17),
      i64(port),
      ...(hasDomain ? [i64(8888)] : []),
      ...[paths, subdirs, priority, 0x6b026f76, 0x6b026f77].map(i64),
      str(this.#version, this.since(12) ? 8 : 6),
      ...(hasDomain ? [str('', 128)] : []),
      initFlag,
      status & 0xff,
      ...(this.since(11) ? [str(id, 16)] : []),
      ...(this.since(0) ? [this.address('10.77.0.1')] : []),
      i64(trackers.length),
      ...trackers.map((tracker) => this.#slot(tracker)),
    )
  }

  #slot(tracker: string): Buffer {
    if (this.since(15)) return bytes(`${tracker}\n`)
    if (this.since(11)) return str(tracker, 100)
    return str(tracker, this.since(0) ? 40 : 22)
  }
}
