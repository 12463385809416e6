/** Metadata as bytes (protocol.md §3.5). Here it is latin1 text: a storage does not care about its encoding. */
import { limits } from '../../protocol/index.js'

type Item = readonly [name: string, value: string]

const ITEM_SEPARATOR = '\x01'
const FIELD_SEPARATOR = '\x02'

/** Sorted by name in byte order, with names and values cut to what servers keep. */
export function packed(bytes: Buffer): Buffer {
  return pack(itemsOf(bytes))
}

/** Items of `changes` in place of those with the same name, beside the others. */
export function merged(bytes: Buffer, changes: Buffer): Buffer {
  const added = itemsOf(changes)
  const names = new Set(added.map(([name]) => name))
  return pack([...itemsOf(bytes).filter(([name]) => !names.has(name)), ...added])
}

function itemsOf(bytes: Buffer): Item[] {
  return bytes
    .toString('latin1')
    .split(ITEM_SEPARATOR)
    .map((record) => record.split(FIELD_SEPARATOR, 2))
    .filter((fields) => fields.length === 2)
    .map(([name = '', value = '']) => [
      name.slice(0, limits.MAX_METADATA_NAME_SIZE),
      value.slice(0, limits.MAX_METADATA_VALUE_SIZE),
    ])
}

function pack(items: readonly Item[]): Buffer {
  const sorted = [...items].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return Buffer.from(sorted.map((item) => item.join(FIELD_SEPARATOR)).join(ITEM_SEPARATOR), 'latin1')
}
