/** File IDs: what they say, how they are made, and the CRC32s in them (protocol.md §5). */
export { decodeBase64, encodeBase64 } from './base64.js'
export { Crc32Candidates } from './crc32-candidates.js'
export { crc32, crc32Signed, crc32V511, toCrc32V511 } from './crc32.js'
export { type FileIdParts, formatFileId } from './format.js'
export { type FileId, type FileKind, parseFileId, type TrunkSlot } from './parse.js'
export { slaveName } from './slave.js'
export type { FileIdSource } from './source.js'
export { type SplitFileId, splitFileId } from './split.js'
