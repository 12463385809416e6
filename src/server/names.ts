/** What groups and storages may be called (protocol.md §1.2). */
import { MAX_STORAGE_ID } from '../protocol/limits.js'

/** Whether it is the name of a group. */
export function isGroupName(name: string | undefined): name is string {
  return name !== undefined && /^[0-9A-Za-z]{1,16}$/.test(name)
}

/** Whether it is the ID of a storage: a number for which a file name has three bytes. */
export function isStorageId(id: string | undefined): id is string {
  return id !== undefined && /^[1-9]\d{0,7}$/.test(id) && Number(id) <= MAX_STORAGE_ID
}
