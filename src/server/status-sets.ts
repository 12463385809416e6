/** What some statuses have in common (protocol.md §4.6). */
import { limits } from '../protocol/index.js'

const { INIT, WAIT_SYNC, SYNCING, IP_CHANGED, DELETED } = limits.STORAGE_STATUS

/** In these a storage waits for old files; a beat does not make it ACTIVE. */
export const WAITING: readonly number[] = [INIT, WAIT_SYNC, SYNCING]
/** In these a storage is gone for good. */
export const GONE: readonly number[] = [DELETED, IP_CHANGED]
