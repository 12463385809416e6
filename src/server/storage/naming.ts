import type { FileIdSource } from '../../file-id/index.js'
import { formatFileId } from '../../file-id/index.js'
import { limits } from '../../protocol/index.js'
import type { Clock } from '../clock.js'

const { EXT_SIZE } = limits
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

/** How new files are spread over directories (protocol.md §5). */
export interface Distribution {
  /** Directories at each of the two levels. */
  readonly subdirCount: number
  /** Whether each gets as many files as its turn takes. */
  readonly takesTurns: boolean
  /** How many those are. */
  readonly rotateCount: number
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
  readonly #distribution: Distribution
  readonly #clock: Clock
  #high = 0
  #low = 0
  #filesInDirectory = 0
  #createdAt: number
  /** The names of one second: no other time, and no other storage, can give the same. */
  readonly #drawn = new Set<string>()

  /**
   * @param storage - its ID, or the address that stands for it
   */
  constructor(group: string, storage: number | string, distribution: Distribution, clock: Clock) {
    this.#group = group
    this.#source = typeof storage === 'number' ? { kind: 'id', id: storage } : { kind: 'ip', ip: storage }
    this.#distribution = distribution
    this.#clock = clock
    this.#createdAt = clock.now()
  }

  /** Where new files go, and how many have gone to that directory. */
  get rotation(): Rotation {
    return { high: this.#high, low: this.#low, files: this.#filesInDirectory }
  }

  set rotation({ high, low, files }: Rotation) {
    const { subdirCount, rotateCount } = this.#distribution
    this.#high = high % subdirCount
    this.#low = low % subdirCount
    this.#filesInDirectory = files % rotateCount
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

  /** In turns the low level goes on first. */
  #nextDirectories(): readonly [high: number, low: number] {
    const { subdirCount, takesTurns, rotateCount } = this.#distribution
    if (!takesTurns) return [this.#clock.randomBelow(subdirCount), this.#clock.randomBelow(subdirCount)]
    const directories = [this.#high, this.#low] as const
    if (++this.#filesInDirectory >= rotateCount) {
      this.#filesInDirectory = 0
      this.#low = (this.#low + 1) % subdirCount
      if (this.#low === 0) this.#high = (this.#high + 1) % subdirCount
    }
    return directories
  }
}

function digitCount(ext: string): number {
  return ext === '' ? TAIL_LENGTH : EXT_SIZE - ext.length
}
