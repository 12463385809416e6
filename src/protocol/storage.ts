/** What clients ask a storage (protocol.md §3). `name` is the logic filename, without the group. */
import { declare } from './command.js'
import {
  bytes,
  contentSize,
  crc32Field,
  i64,
  lengthOf,
  recordAddress,
  str,
  text,
  trailing,
  u8,
} from './fields.js'
import { EXT_SIZE, GROUP_NAME_SIZE, PREFIX_SIZE } from './limits.js'

const group = (): ReturnType<typeof str> => str(GROUP_NAME_SIZE)
const fileOf = { group: group(), name: text() }
/** §3.1: the file that was made. */
const newFile = { group: group(), name: text() }
const upload = { storePathIndex: u8(), size: contentSize(), ext: str(EXT_SIZE) }
/**
 * §3.2: a change that changes nothing is answered with the request's body: to be dropped.
 */
const echo = { echo: trailing(bytes()) }

/** The storage's commands for clients; names are the C source's. */
export const storageCommands = declare('storage', {
  /** §3.1 */
  uploadFile: { number: 11, idempotent: false, request: upload, response: newFile, content: 'request' },
  /** §3.1 */
  uploadAppenderFile: {
    number: 23,
    idempotent: false,
    request: upload,
    response: newFile,
    content: 'request',
  },
  /** §3.1 */
  uploadSlaveFile: {
    number: 21,
    notFound: 'no such master file',
    idempotent: false,
    request: {
      masterNameLength: lengthOf('masterName'),
      size: contentSize(),
      prefix: str(PREFIX_SIZE),
      ext: str(EXT_SIZE),
      masterName: text(),
    },
    response: newFile,
    content: 'request',
  },
  /** §3.2 */
  appendFile: {
    number: 24,
    idempotent: false,
    request: { nameLength: lengthOf('name'), size: contentSize(), name: text() },
    response: echo,
    content: 'request',
  },
  /** §3.2 */
  modifyFile: {
    number: 34,
    idempotent: true,
    request: { nameLength: lengthOf('name'), offset: i64(), size: contentSize(), name: text() },
    response: echo,
    content: 'request',
  },
  /** §3.2 */
  truncateFile: {
    number: 36,
    idempotent: true,
    request: { nameLength: lengthOf('name'), newSize: i64(), name: text() },
    response: echo,
  },
  /** §3.2, since V6.02 */
  regenerateAppenderFilename: { number: 38, idempotent: false, request: { name: text() }, response: newFile },
  /** §3.3 */
  deleteFile: { number: 12, idempotent: true, request: fileOf, response: {} },
  /** §3.4; `count` 0 means up to the end. */
  downloadFile: {
    number: 14,
    idempotent: true,
    request: { offset: i64(), count: i64(), group: group(), name: text() },
    response: {},
    content: 'response',
  },
  /** §3.5; `flag` is one of `METADATA_FLAGS`. */
  setMetadata: {
    number: 13,
    idempotent: true,
    request: {
      nameLength: lengthOf('name'),
      metadataLength: lengthOf('metadata'),
      flag: u8(),
      group: group(),
      name: text(),
      metadata: bytes(),
    },
    response: {},
  },
  /** §3.5 */
  getMetadata: {
    number: 15,
    notFound: 'no such file, or it has no metadata',
    idempotent: true,
    request: fileOf,
    response: { metadata: bytes() },
  },
  /** §3.6; `FILE_INFO_FLAGS` go into the header's status byte. `modifiedAt` is in Unix seconds. */
  queryFileInfo: {
    number: 22,
    idempotent: true,
    request: fileOf,
    response: { size: i64(), modifiedAt: i64(), crc32: crc32Field(), sourceIp: recordAddress() },
  },
  /** §3.7; used by the storages' own de-duplication. */
  createLink: {
    number: 20,
    idempotent: false,
    request: {
      masterNameLength: lengthOf('masterName'),
      sourceNameLength: lengthOf('sourceName'),
      signatureLength: lengthOf('signature'),
      group: group(),
      prefix: str(PREFIX_SIZE),
      ext: str(EXT_SIZE),
      masterName: text(),
      sourceName: text(),
      signature: bytes(),
    },
    response: newFile,
  },
})
