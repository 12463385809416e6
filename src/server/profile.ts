import type { Dialect } from '../protocol/index.js'

/** Versions of FastDFS that an embedded server can answer as. */
export type Profile = 'V5.11' | 'V6.06' | 'V6.12' | 'V6.16'

/** How each of them writes (protocol.md §1.3, §11): V6.12 with wide addresses, as it is built by default. */
export const PROFILES: Readonly<Record<Profile, Dialect>> = {
  'V5.11': { version: '5.11', addressSize: 16 },
  'V6.06': { version: '6.06', addressSize: 16 },
  'V6.12': { version: '6.12.2', addressSize: 46 },
  'V6.16': { version: '6.16.1', addressSize: 16 },
}
