import { formatFileId } from '../../file-id/index.js'
import { limits } from '../../protocol/index.js'
import { now, randomBelow } from '../clock.js'

const { EXT_SIZE } = limits
/** Files that go to one directory before the next is taken (protocol.md §5). */
const FILES_PER_DIRECTORY = 100
/** The tail of a name is digits, dot and extension in this many characters. */
const TAIL_LENGTH = EXT_SIZE + 1
const RANDOM_LIMIT = 2 ** 23

/** What a new name is made of, beside chance. */
export interface NewFile {
  readonly storePathIndex: number
  readonly size: number
  readonly crc32: number
  readonly ext: string
}

/** The numbers of the two nested directories. */
export type Directories = readonly [high: number, low: number]

/** Names new files, and spreads them over the directories. */
export class Naming {
  readonly #group: string
  readonly #storageId: number
  readonly #subdirCount: number
  #high = 0
  #low = 0
  #filesInDirectory = 0

  /** @param subdirCount - directories at each of the two levels */
  constructor(group: string, storageId: number, subdirCount: number) {
    this.#group = group
    this.#storageId = storageId
    this.#subdirCount = subdirCount
  }

  /** A name for a file whose upload has just ended. Chance makes each call's another one. */
  draw(file: NewFile, directories: Directories): string {
    const { ext } = file
    const digits = ext === '' ? TAIL_LENGTH : EXT_SIZE - ext.length
    const id = formatFileId({
      ...file,
      group: this.#group,
      source: { kind: 'id', id: this.#storageId },
      directories,
      createdAt: now(),
      randomBits: randomBelow(RANDOM_LIMIT),
      digits: digits === 0 ? '' : String(randomBelow(10 ** digits)).padStart(digits, '0'),
    })
    return id.slice(this.#group.length + 1)
  }

  /** The directory of the next file: the low level goes on first. */
  nextDirectories(): Directories {
    const directories = [this.#high, this.#low] as const
    if (++this.#filesInDirectory === FILES_PER_DIRECTORY) {
      this.#filesInDirectory = 0
      this.#low = (this.#low + 1) % this.#subdirCount
      if (this.#low === 0) this.#high = (this.#high + 1) % this.#subdirCount
    }
    return directories
  }
}
