import type { FileId, FileIdSource, SplitFileId } from '../file-id/index.js'
import { parseFileId, splitFileId } from '../file-id/index.js'

/** A file by its ID, and what that says of it: read at most once, however often an operation asks. */
export class NamedFile implements SplitFileId {
  /** The whole ID. */
  readonly id: string
  /** The group. */
  readonly group: string
  /** The logic filename. */
  readonly name: string
  /** Null where the ID tells nothing; undefined as long as nobody has asked. */
  #says: FileId | null | undefined

  /**
   * @param text - as `splitFileId` takes it
   * @throws {@link InvalidFileIdError} when it is no file ID
   */
  constructor(text: string) {
    const { id, group, name } = splitFileId(text)
    this.id = id
    this.group = group
    this.name = name
  }

  /** What the ID says; undefined where it is legal, but tells nothing, like some slaves' short names (protocol.md §5). */
  get says(): FileId | undefined {
    if (this.#says === undefined) {
      try {
        this.#says = parseFileId(this.id)
      } catch {
        this.#says = null
      }
    }
    return this.#says ?? undefined
  }

  /** The storage that it was uploaded to, where the ID says. */
  get source(): FileIdSource | undefined {
    return this.says?.source
  }

  /** Whether it may be appended to, modified or truncated; where the ID does not tell, it may. */
  get canChange(): boolean {
    return this.says?.appender ?? true
  }

  /** Its size in bytes, where the ID tells. */
  get size(): number | undefined {
    return this.says?.size
  }
}
