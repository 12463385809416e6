import { ServerError, STATUS } from '../errors.js'
import type { Call } from '../net/call.js'
import { storageCommands } from '../protocol/index.js'
import { ContentSum } from './content-sum.js'
import type { Context } from './context.js'
import { extend } from './extend.js'
import type { NamedFile } from './named-file.js'
import { report } from './progress.js'
import { rename } from './rename.js'
import type { OpenSource } from './sources.js'
import type { UploadPlan } from './store.js'
import { newFileOf, NewFileSending } from './store.js'

/** Bytes of a chunk where nobody says otherwise. */
export const CHUNK_SIZE = 8 * 1024 * 1024

/** A file that is stored chunk by chunk: the first one makes an appender file, the others are added to it. */
export class GrowingFile {
  readonly #context: Context
  readonly #plan: UploadPlan
  /** Bytes it will have, for the progress; Infinity while that is not known. */
  readonly #total: number
  /** Its name so far; undefined before the first chunk is stored. */
  file: NamedFile | undefined
  /** Of what is stored. */
  sum = new ContentSum(false)

  /** @param total - bytes it will have; Infinity where that is not known */
  constructor(context: Context, plan: UploadPlan, total: number) {
    this.#context = context
    this.#plan = plan
    this.#total = total
  }

  /** Stores the next chunk, which can be sent more than once. */
  async add(chunk: OpenSource, call: Call): Promise<void> {
    const context = this.#context
    const onPiece = (size: number): void => this.#report(size)
    if (this.file === undefined) {
      const { reply, sum } = await new FirstChunkSending(
        context,
        storageCommands.uploadAppenderFile,
        chunk,
        call,
        this.#plan,
        ({ transferred }) => onPiece(transferred),
      ).run()
      this.file = newFileOf(reply)
      this.sum = sum
    } else {
      const { file, sum: before } = this
      const { sum } = await this.#inTurn(file, call, () =>
        extend(context, file, before, chunk, call, onPiece),
      )
      this.sum = sum
    }
    // The last one is reported when nothing is left to do.
    if (this.sum.size < this.#total) onPiece(this.sum.size)
  }

  /**
   * Gives it the name of a normal file.
   *
   * @returns false where the storage cannot do that: before V6.02 (protocol.md §3.2)
   */
  async becomeNormal(call: Call): Promise<boolean> {
    const file = this.file as NamedFile
    try {
      this.file = await this.#inTurn(file, call, () => rename(this.#context, file, call))
      return true
    } catch (error) {
      if (error instanceof ServerError && error.status === STATUS.EINVAL) return false
      throw error
    }
  }

  /** Whoever has read its name from a resumable upload may change it too. */
  #inTurn<T>(file: NamedFile, call: Call, change: () => Promise<T>): Promise<T> {
    return this.#context.serial.run(file.id, call, async (turn) => {
      await turn()
      return change()
    })
  }

  #report(size: number): void {
    const { onProgress } = this.#plan
    if (onProgress !== undefined) report(onProgress, size, this.#total)
  }
}

class FirstChunkSending extends NewFileSending<ContentSum> {
  protected override sumFor(): ContentSum {
    return new ContentSum(false)
  }
}
