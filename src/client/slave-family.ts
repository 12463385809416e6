/** A master and its slaves, stored and deleted together. */
import {
  FileNotFoundError,
  InvalidArgumentError,
  isFastDfsError,
  locateError,
  UnknownOutcomeError,
} from '../errors.js'
import { slaveName } from '../file-id/index.js'
import type { CallOptions } from '../net/call.js'
import { Call } from '../net/call.js'
import { CALL_OPTIONS } from './calls.js'
import { checkNames, show } from './check.js'
import type { Context } from './context.js'
import { deleteFile } from './files.js'
import { NamedFile } from './named-file.js'
import { messageOf } from './pieces.js'
import type { Source } from './sources.js'
import { discard } from './sources.js'
import type { NewFileCommand } from './store.js'
import { CLEANUP_TIMEOUT } from './outliving.js'

import type { SlaveUpload, UploadedFile, UploadOptions } from './upload.js'
import { checkSlave, upload, uploadSlave } from './upload.js'

/** How a file is deleted. */
export interface DeleteOptions extends CallOptions {
  /**
   * Slaves that are deleted before the file, each by what its name has behind the master's: `_150x150.jpg`, its prefix
   * and, from the last dot on, its extension. One that does not exist is fine.
   */
  slaves?: readonly string[] | undefined
}

/** A slave that is to be uploaded, and how the server will see its extension. */
interface Planned {
  readonly slave: SlaveUpload
  readonly ext: string | undefined
}

/** Stores a new file, and then its slaves: all of them or, as far as they can be deleted again, nothing. */
export function uploadFamily(
  context: Context,
  command: NewFileCommand,
  source: Source,
  options: UploadOptions,
  call: Call,
): Promise<UploadedFile> {
  const { slaves } = options
  return slaves === undefined
    ? upload(context, command, source, options, call)
    : uploadAll(context, command, source, options, slaves, call)
}

async function uploadAll(
  context: Context,
  command: NewFileCommand,
  source: Source,
  options: UploadOptions,
  slaves: NonNullable<UploadOptions['slaves']>,
  call: Call,
): Promise<UploadedFile> {
  const planned = plan(context, slaves)
  const { verify } = options
  const master = await upload(context, command, source, options, call, (ext) => checkFamily(planned, ext))
  const made: UploadedFile[] = []
  for (const [i, { slave, ext }] of planned.entries()) {
    const { source: content, ...rest } = slave
    try {
      made.push(await uploadSlave(context, new NamedFile(master.id), content, rest, call, verify))
    } catch (error) {
      const failed = nameOf(master.id, slave.prefix, ext)
      // What the storage may still be about to store is deleted last of all, too.
      const late = error instanceof UnknownOutcomeError ? failed : []
      const ids = [...failed, ...made.map(({ id }) => id).reverse(), master.id, ...late]
      const left = await cleanUp(context, ids)
      throw explain(error, `${nth(i, slave.prefix, ext)} of ${master.id} failed: `, left)
    }
  }
  return { ...master, slaves: made }
}

const DELETE_OPTIONS = ['slaves', ...CALL_OPTIONS]

/** Deletes the slaves and then the file (protocol.md §3.3): the file is kept when a slave cannot be deleted. */
export function deleteFamily(
  context: Context,
  file: NamedFile,
  options: DeleteOptions,
  call: Call,
): Promise<void> {
  checkNames(options, DELETE_OPTIONS, 'deleteFile')
  const { slaves } = options
  return slaves === undefined ? deleteInTurn(context, file, call) : deleteAll(context, file, slaves, call)
}

/** After the changes that were called for before: one that overtakes them would be undone (protocol.md §12). */
function deleteInTurn(context: Context, file: NamedFile, call: Call): Promise<void> {
  if (!file.canChange) return deleteFile(context, file, call)
  return context.serial.run(file.id, call, async (turn) => {
    await turn()
    await deleteFile(context, file, call)
  })
}

async function deleteAll(context: Context, master: NamedFile, slaves: unknown, call: Call): Promise<void> {
  if (!Array.isArray(slaves)) throw new InvalidArgumentError(`slaves must be an array, not ${show(slaves)}`)
  for (const slave of slaves.map((suffix: unknown) => slaveOf(master, suffix))) {
    try {
      await deleteFile(context, slave, call)
    } catch (error) {
      if (error instanceof FileNotFoundError) continue
      throw isFastDfsError(error)
        ? locateError(
            error,
            { fileId: slave.id },
            `a slave was not deleted, its master is kept: ${error.reason}`,
          )
        : error
    }
  }
  await deleteInTurn(context, master, call)
}

/** Lets go the streams of slaves that were not begun. */
export function discardSlaves(slaves: UploadOptions['slaves']): void {
  if (!Array.isArray(slaves)) return
  for (const slave of slaves as readonly (Partial<SlaveUpload> | null | undefined)[]) {
    if (slave?.source !== undefined) discard(slave.source)
  }
}

function slaveOf(file: NamedFile, suffix: unknown): NamedFile {
  if (typeof suffix !== 'string') {
    throw new InvalidArgumentError(`slaves are texts such as '_150x150.jpg', not ${show(suffix)}`)
  }
  const dot = suffix.lastIndexOf('.')
  const [prefix, ext] = dot < 0 ? [suffix, ''] : [suffix.slice(0, dot), suffix.slice(dot + 1)]
  return new NamedFile(slaveName(file.id, prefix, ext))
}

/** Checks what can be checked before the master's extension is known. */
function plan(context: Context, slaves: unknown): Planned[] {
  if (!Array.isArray(slaves)) throw new InvalidArgumentError(`slaves must be an array, not ${show(slaves)}`)
  return slaves.map((given: unknown, i) => {
    if (typeof given !== 'object' || given === null) {
      throw new InvalidArgumentError(`slaves are objects with a prefix and a source, not ${show(given)}`)
    }
    // It is stored later: by then, the caller may have changed it for another upload.
    const slave = { ...(given as SlaveUpload) }
    return naming(`slave ${i + 1}: `, () => {
      const { ext } = checkSlave(context, slave)
      if (slave.source === undefined) throw new InvalidArgumentError('it has no source')
      slaveName(standIn(''), slave.prefix, ext)
      return { slave, ext }
    })
  })
}

/** Checks the names that the slaves of a master with the extension `ext` will have. */
function checkFamily(planned: readonly Planned[], masterExt: string): void {
  const names = new Set<string>()
  for (const [i, { slave, ext }] of planned.entries()) {
    naming(`slave ${i + 1}: `, () => {
      const name = slaveName(standIn(masterExt), slave.prefix, ext)
      if (names.has(name)) throw new InvalidArgumentError('an earlier one has the same prefix and extension')
      names.add(name)
    })
  }
}

/** An ID as long as that of a new file: an extension takes the place of random digits (protocol.md §5). */
function standIn(ext: string): string {
  const dotted = ext === '' ? '' : `.${ext}`
  return `group1/M00/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ${dotted.padStart(7, '0')}`
}

function naming<T>(prefix: string, check: () => T): T {
  try {
    return check()
  } catch (error) {
    throw explain(error, prefix, [])
  }
}

function nth(index: number, prefix: string, ext: string | undefined): string {
  return `slave ${index + 1}, ${show(ext === undefined ? prefix : `${prefix}.${ext}`)},`
}

/** The slave that failed may be stored all the same, as when the answer was lost; one of this name can be no other's. */
function nameOf(masterId: string, prefix: string, ext: string | undefined): string[] {
  try {
    return [slaveName(masterId, prefix, ext)]
  } catch {
    return []
  }
}

/** Deletes what nobody else knows of; the IDs of what could not be deleted, with the reasons. */
async function cleanUp(context: Context, ids: readonly string[]): Promise<string[]> {
  // The call itself may be over: deleting has a time of its own.
  const call = new Call({ timeout: CLEANUP_TIMEOUT })
  const left: string[] = []
  for (const id of ids) {
    try {
      await deleteFile(context, new NamedFile(id), call)
    } catch (error) {
      if (error instanceof FileNotFoundError) continue
      context.options.log.warn('client', `${id} is left behind: ${messageOf(error)}`, { fileId: id })
      left.push(`${id}: ${messageOf(error)}`)
    }
  }
  return left
}

function explain(error: unknown, prefix: string, left: readonly string[]): unknown {
  if (!isFastDfsError(error)) return error
  const rest = left.length === 0 ? '' : `; left behind, since deleting failed: ${left.join('; ')}`
  return locateError(error, {}, `${prefix}${error.reason}${rest}`)
}
