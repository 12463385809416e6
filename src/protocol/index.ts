/**
 * The FastDFS wire protocol as definitions: every command once, for both sides.
 *
 * @packageDocumentation
 */
export { storageClusterCommands, trackerClusterCommands } from './cluster.js'
export type {
  Command,
  Content,
  DecodedRequest,
  DecodedResponse,
  PacketOptions,
  RequestOf,
  RequestPacket,
  ResponseOf,
  ResponsePacket,
  Server,
} from './command.js'
export {
  decodeRequest,
  decodeRequestFields,
  decodeResponse,
  decodeResponseFields,
  encodeRequest,
  encodeRequestHead,
  encodeResponse,
  encodeResponseHead,
  encodeStatus,
} from './command.js'
export { connectionCommands } from './connection.js'
export type { Dialect } from './dialect.js'
export { DIALECTS, LATEST } from './dialect.js'
export type { Field, Kind, Role, Shape, Size, ValuesOf } from './fields.js'
export type { FrameHandler, Header } from './frame.js'
export { decodeHeader, encodeHeader, FrameReader } from './frame.js'
export * as limits from './limits.js'
export type { Metadata } from './metadata.js'
export { decodeMetadata, encodeMetadata } from './metadata.js'
export { commandsOf, findCommand } from './registry.js'
export { storageCommands } from './storage.js'
export type { Struct } from './struct.js'
export { trackerCommands } from './tracker.js'
