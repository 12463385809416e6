/** Metadata as bytes (protocol.md §3.5). Here it is latin1 text: a storage does not care about its encoding. */
import { limits } from '../../protocol/index.js'

type Item = readonly [name: string, value: string]

const ITEM_SEPARATOR = '\x01'
const FIELD_SEPARATOR = '\x02'

/** Sorted by name in byte order, with names and values cut to what servers keep. */
export function packed(bytes: Buffer): Buffer {
  return join(sorted(itemsOf(bytes)))
}

/**
 * Items of `changes` in place of those with the same name, beside the others. Where a name is there several times, each
 * takes the place of one, as at the C daemons.
 */
export function merged(bytes: Buffer, changes: Buffer): Buffer {
  const kept = sorted(itemsOf(bytes))
  const added = sorted(itemsOf(changes))
  const items: Item[] = []
  for (const item of added) {
    while (kept[0] !== undefined && kept[0][0] < item[0]) items.push(kept.shift() as Item)
    if (kept[0]?.[0] === item[0]) kept.shift()
    items.push(item)
  }
  return join([...items, ...kept])
}

function itemsOf(bytes: Buffer): Item[] {
  return bytes
    .toString('latin1')
    .split(ITEM_SEPARATOR)
    .filter((record) => record.includes(FIELD_SEPARATOR))
    .map((record) => {
      const end = record.indexOf(FIELD_SEPARATOR)
      return [
        record.slice(0, end).slice(0, limits.MAX_METADATA_NAME_SIZE),
        record.slice(end + 1).slice(0, limits.MAX_METADATA_VALUE_SIZE),
      ]
    })
}

function sorted(items: readonly Item[]): Item[] {
  return [...items].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
}

function join(items: readonly Item[]): Buffer {
  return Buffer.from(items.map((item) => item.join(FIELD_SEPARATOR)).join(ITEM_SEPARATOR), 'latin1')
}
