/** Where things stand in a logic filename, and the flags in it (protocol.md §5). */

/** Characters in front of a file's own name: store path and directories. */
export const PATH_LENGTH = 'Mxx/HH/HH/'.length
/** The same in names older than V1.12, which know one store path. */
export const OLD_PATH_LENGTH = 'HH/HH/'.length

/** Characters that encode five 32-bit numbers, see {@link WORD}. */
export const ENCODED_LENGTH = 27
/** Characters that encode the three numbers of a trunk slot, behind the former. */
const SLOT_LENGTH = 16
/** Characters at the end: random digits, and a dot and the extension if there is one. */
export const TAIL_LENGTH = 7
/** Characters of a normal or appender file's own name; a slave's has more. */
export const PLAIN_LENGTH = ENCODED_LENGTH + TAIL_LENGTH
/** Characters of the own name of a file in a trunk; that of its slave has more. */
export const TRUNK_LENGTH = PLAIN_LENGTH + SLOT_LENGTH

/** The five numbers by their place. */
export const WORD = { SOURCE: 0, CREATED_AT: 1, SIZE_HIGH: 2, SIZE_LOW: 3, CRC32: 4 } as const

/** Bits of the high half of the size word. Without `SHORT` and `TRUNK` it is the high half of a plain size. */
export const FLAG = { SHORT: 0x80000000, TRUNK: 0x08000000, APPENDER: 0x04000000 } as const
/** The bits of the high half of the size word that are random with `SHORT`. */
export const RANDOM_MASK = 0x007fffff
/** The largest number that a trunk slot can hold: servers take it for signed. */
export const MAX_INT32 = 0x7fffffff
/** The largest 32-bit number: of sizes that leave room for flags, times and CRC32s. */
export const MAX_UINT32 = 0xffffffff
