/** Sizes and limits that both sides of the wire agree on (protocol.md §1.2). */

/** Bytes of a packet header (§1.1). */
export const HEADER_SIZE = 10
/** The command number in every response header (§1.1). */
export const RESPONSE_COMMAND = 100
/** Bytes of a group name on the wire; records use one more for a NUL. */
export const GROUP_NAME_SIZE = 16
/** Bytes of a storage ID on the wire, a NUL included. */
export const STORAGE_ID_SIZE = 16
/** The greatest storage ID: a file name has three bytes for it. */
export const MAX_STORAGE_ID = 0xffffff
/** Bytes of a file extension, without the dot. */
export const EXT_SIZE = 6
/** Bytes of a slave file's prefix. */
export const PREFIX_SIZE = 16
/** The longest logic filename that a tracker or storage takes, in bytes. */
export const MAX_FILENAME_SIZE = 127
/** The longest name and value of a metadata item, in bytes; servers cut longer ones. */
export const MAX_METADATA_NAME_SIZE = 64
/** See {@link MAX_METADATA_NAME_SIZE}. */
export const MAX_METADATA_VALUE_SIZE = 256
/** Storages in a group. */
export const MAX_STORAGES = 32
/** Groups of a tracker. */
export const MAX_GROUPS = 512
/** Trackers of a cluster. */
export const MAX_TRACKERS = 16
/** The store path index by which a client lets the storage choose (§3.1). */
export const ANY_STORE_PATH = 0xff
/** Flags in the header's status byte of a `queryFileInfo` request (§3.6). */
export const FILE_INFO_FLAGS = { NO_CRC: 1, SILENT: 2 } as const
/** What `setMetadata` does with the items that a file has (§3.5). */
export const METADATA_FLAGS = { OVERWRITE: 0x4f, MERGE: 0x4d } as const
/** The states of a storage (§4.6). */
export const STORAGE_STATUS = {
  INIT: 0,
  WAIT_SYNC: 1,
  SYNCING: 2,
  IP_CHANGED: 3,
  DELETED: 4,
  OFFLINE: 5,
  ONLINE: 6,
  ACTIVE: 7,
  RECOVERY: 9,
  NONE: 99,
} as const
/** The name of a storage's state. */
export type StorageStatusName = keyof typeof STORAGE_STATUS
