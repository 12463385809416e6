/** Where things stand in a logic filename, and the flags in its size word (protocol.md §5). */

/** Characters that encode the 20 bytes: source, time, size word, CRC32. */
export const ENCODED_LENGTH = 27
/** Characters that encode the 12 bytes of a trunk slot, behind the former. */
export const TRUNK_LENGTH = 16
/** Characters at the end: random digits, a dot, the extension. */
export const TAIL_LENGTH = 7
/** A file's own name without its directories: of a normal or appender file, and of one in a trunk file. */
export const NORMAL_LENGTH = ENCODED_LENGTH + TAIL_LENGTH
/** See {@link NORMAL_LENGTH}. */
export const TRUNK_NAME_LENGTH = NORMAL_LENGTH + TRUNK_LENGTH

/** Byte offsets in the 20 bytes. The source is at 0. */
export const OFFSET = { CREATED_AT: 4, SIZE_HIGH: 8, SIZE_LOW: 12, CRC32: 16 } as const
/** The 20 bytes' length. */
export const ENCODED_SIZE = 20
/** A trunk slot's length: three 32-bit numbers. */
export const SLOT_SIZE = 12

/** Bits of the high half of the size word. Without `SHORT` it is the high half of a plain size. */
export const FLAG = { SHORT: 0x80000000, TRUNK: 0x08000000, APPENDER: 0x04000000 } as const
/** Random bits in the high half of the size word, from 0 on. */
export const RANDOM_BITS = 23
