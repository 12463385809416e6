import type { FileIdSource } from '../../file-id/index.js'
import { formatFileId } from '../../file-id/index.js'
import { limits } from '../../protocol/index.js'
import type { Clock } from '../clock.js'

const { EXT_SIZE } = limits
/** Files that go to one directory before the next is taken (protocol.md §5). */
const FILES_PER_DIRECTORY = 100
/** The tail of a name is digits, dot and extension in this many characters. */
const TAIL_LENGTH = EXT_SIZE + 1
/** How often a name is drawn while the one drawn is taken (§5). */
const MAX_DRAWS = 10
const RANDOM_LIMIT = 2 ** 23

/** What a new name is made of, beside chance. */
export interface NewFile {
  readonly storePathIndex: number
  readonly size: number
  readonly crc32: number
  readonly ext: string
  readonly appender: boolean
}

/** See {@link Naming.rotation}. */
export interface Rotation {
  readonly high: number
  readonly low: number
  readonly files: number
}

/** Names new files, and spreads them over the directories. */
export class Naming {
  readonly #group: string
  readonly #source: FileIdSource
  readonly #subdirCount: number
  readonly #clock: Clock
  #high = 0
  #low = 0
  #filesInDirectory = 0
  #createdAt: number
  /** The names of one second: no other time, and no other storage, can give the same. */
  readonly #drawn = new Set<string>()

  /**
   * @param storage - its ID, or the address that stands for it
   * @param subdirCount - directories at each of the two levels
   */
  constructor(group: string, storage: number | string, subdirCount: number, clock: Clock) {
    this.#group = group
    this.#source = typeof storage === 'number' ? { kind: 'id', id: storage } : { kind: 'ip', ip: storage }
    this.#subdirCount = subdirCount
    this.#clock = clock
    this.#createdAt = clock.now()
  }

  /** Where new files go, and how many have gone to that directory. */
  get rotation(): Rotation {
    return { high: this.#high, low: this.#low, files: this.#filesInDirectory }
  }

  set rotation({ high, low, files }: Rotation) {
    this.#high = high % this.#subdirCount
    this.#low = low % this.#subdirCount
    this.#filesInDirectory = files % FILES_PER_DIRECTORY
  }

  /** A name for a file whose upload has just ended: never the same twice, also for the same content. */
  draw(file: NewFile): string {
    this.#tick()
    const directories = this.#nextDirectories()
    return this.#drawUnused(() => this.#format(file, directories, this.#drawDigits(file.ext)))
  }

  /** A normal name for an appender file: same place, same tail, what it holds now (protocol.md §3.2). */
  redraw(name: string, content: { size: number; crc32: number }): string {
    this.#tick()
    const [, storePath = '', high = '', low = ''] = name.split(/M|\//)
    const file = { ...content, ext: '', storePathIndex: Number.parseInt(storePath, 16), appender: false }
    const directories = [Number.parseInt(high, 16), Number.parseInt(low, 16)] as const
    // Of a slave's name, too, these are the last characters, whatever they say.
    const tail = name.slice(-TAIL_LENGTH)
    return this.#drawUnused(
      () => this.#format(file, directories, this.#drawDigits('')).slice(0, -TAIL_LENGTH) + tail,
    )
  }

  #drawUnused(draw: () => string): string {
    for (let draws = 0; draws < MAX_DRAWS; draws++) {
      const name = draw()
      if (this.#drawn.has(name)) continue
      this.#drawn.add(name)
      return name
    }
    throw new Error(`${MAX_DRAWS} names that were drawn for a file were all taken`)
  }

  #drawDigits(ext: string): string {
    const digits = digitCount(ext)
    return digits === 0 ? '' : String(this.#clock.randomBelow(10 ** digits)).padStart(digits, '0')
  }

  /** A clock that is set back stands still here. */
  #tick(): void {
    const time = this.#clock.now()
    if (Math.floor(time / 1000) <= Math.floor(this.#createdAt / 1000)) return
    this.#createdAt = time
    this.#drawn.clear()
  }

  #format(file: NewFile, directories: readonly [high: number, low: number], digits: string): string {
    const { storePathIndex, size, crc32, ext, appender } = file
    const id = formatFileId({
      storePathIndex,
      size,
      crc32,
      ext,
      appender,
      group: this.#group,
      source: this.#source,
      directories,
      createdAt: new Date(this.#createdAt),
      randomBits: this.#clock.randomBelow(RANDOM_LIMIT),
      digits,
    })
    return id.slice(this.#group.length + 1)
  }

  /** The low level goes on first. */
  #nextDirectories(): readonly [high: number, low: number] {
    const directories = [this.#high, this.#low] as const
    if (++this.#filesInDirectory === FILES_PER_DIRECTORY) {
      this.#filesInDirectory = 0
      this.#low = (this.#low + 1) % this.#subdirCount
      if (this.#low === 0) this.#high = (this.#high + 1) % this.#subdirCount
    }
    return directories
  }
}

function digitCount(ext: string): number {
  return ext === '' ? TAIL_LENGTH : EXT_SIZE - ext.length
}
