import { limits } from '../../protocol/index.js'
import { turn } from '../clock.js'
import type { Log, OwnFiles } from '../stores/store.js'

/** What happened to a file, in the letters of the C daemons (protocol.md §4.8). A copy of another's is in lower case. */
export type Operation = 'C' | 'A' | 'D' | 'U' | 'M' | 'T' | 'L' | 'R'

/** A line of the binlog. */
export interface BinlogRecord {
  /** Unix seconds. */
  readonly timestamp: number
  readonly operation: Operation
  /** Whether it was made here; else it came from another storage. */
  readonly source: boolean
  /** The file's logic filename. */
  readonly name: string
  /** What the operation has beside: two numbers, or another name. */
  readonly extra: readonly string[]
}

/** A record with its place. */
export interface Entry extends BinlogRecord {
  /** Where it begins. */
  readonly start: number
  /** Where the next one begins. */
  readonly end: number
}

/** A record on its way into the binlog. */
export interface Pending {
  /** Where it begins. */
  readonly start: number
  /** Resolves when it is written: it will be there whatever happens now. */
  readonly written: Promise<void>
  /** What it says has been done: readers may see it once it is written. To be called in any case. */
  show(): void
}

/** A file of the binlog that has reached this size is not written on (§4.8). */
const MAX_FILE_SIZE = 1024 ** 3
/** Positions in all files are counted on, as if each had this size. */
const FILE_SPAN = 2 ** 32
/** Bytes that a reader gets at most. */
const PIECE = 64 * 1024
const INDEX_FILE = 'sync/binlog_index.dat'
const LINE = /^(\d{1,10}) ([CADUMTLRcadumtlr]) (\S+)((?: \S+)*)$/

/** Records that are written at once, to one file. */
class Batch {
  /** Which file of the binlog. */
  readonly index: number
  /** Where the first of them begins. */
  readonly start: number
  /** Resolves when they are written. */
  readonly written: Promise<void>
  lines = ''
  stored = false
  resolve: () => void = () => {}
  reject: (error: unknown) => void = () => {}

  constructor(start: number) {
    this.index = Math.floor(start / FILE_SPAN)
    this.start = start
    this.written = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
  }
}

/** A record whose file has not been changed yet, or is being changed. */
interface Open {
  readonly start: number
  readonly batch: Batch
  shown: boolean
}

/** Every operation on a file, in the order in which they were made: what the other storages of the group are told of. */
export class Binlog {
  readonly #own: OwnFiles
  readonly #onGrow: () => void
  #index = 0
  #log: Log | undefined
  /** By their index: those before the current one, opened to be read. */
  readonly #older = new Map<number, Log>()
  /** In order. */
  #open: Open[] = []
  /** What is to be written, one after the other. */
  #waiting: Batch[] = []
  #next = 0
  #end = 0
  #writing: Promise<void> | undefined

  /** @param onGrow - called when readers can see more */
  constructor(own: OwnFiles, onGrow: () => void) {
    this.#own = own
    this.#onGrow = onGrow
  }

  /** Where the records begin that are kept. */
  get start(): number {
    let start = 0
    for (const [index, log] of this.#files()) {
      if (log.start > 0) start = Math.max(start, index * FILE_SPAN + log.start)
    }
    return start
  }

  /** Nobody reads the records before a position any more. */
  drop(position: number): void {
    for (const [index, log] of this.#files()) {
      log.drop(Math.max(0, Math.min(position - index * FILE_SPAN, log.size)))
    }
  }

  /** Where the records end that readers may see. */
  get end(): number {
    return this.#end
  }

  /**
   * Opens it; what a crash has left of a last line is cut off.
   *
   * @returns the last records, at least all of those that were not known to be done when it was closed
   */
  async open(tail: number): Promise<Entry[]> {
    const text = (await this.#own.read(INDEX_FILE))?.toString() ?? ''
    const said = Number(/^current_write=(\d+)/m.exec(text)?.[1])
    const present = await this.#lastIndex()
    // The index is written first, then the file.
    this.#index = said === present + 1 ? said : present
    if (said !== this.#index) await this.#writeIndex(this.#index)
    const log = await this.#own.log(fileName(this.#index))
    this.#log = log
    const last = await log.read(Math.max(log.start, log.size - PIECE), PIECE)
    const torn = last.length - 1 - last.lastIndexOf('\n')
    if (torn > 0) await log.truncate(log.size - torn)
    this.#next = this.#end = this.#index * FILE_SPAN + log.size
    const entries: Entry[] = []
    let position = await this.#lineAfter(await this.#back(this.#end, tail))
    for (;;) {
      const read = await this.read(position)
      if (read.next === position) return entries
      entries.push(...read.entries)
      position = read.next
    }
  }

  /** Closes it, once all is written. */
  async close(): Promise<void> {
    await this.#writing
    for (const log of this.#older.values()) await log.close()
    this.#older.clear()
    await this.#log?.close()
    this.#log = undefined
  }

  /** Forgets all records. None may be on its way. */
  async clear(): Promise<void> {
    const wasOpen = this.#log !== undefined
    await this.close()
    for (const name of await this.#own.names('sync')) {
      if (name.startsWith('binlog')) await this.#own.remove(`sync/${name}`)
    }
    this.#open = []
    if (wasOpen) await this.open(0)
  }

  /** Adds a record. Those that come in one turn of the event loop, or while others are written, are written at once. */
  append(record: BinlogRecord): Pending {
    const line = format(record)
    if (this.#next % FILE_SPAN >= MAX_FILE_SIZE)
      this.#next = (Math.floor(this.#next / FILE_SPAN) + 1) * FILE_SPAN
    const open = { start: this.#next, batch: this.#batch(), shown: false }
    this.#next += line.length
    this.#open.push(open)
    open.batch.lines += line
    this.#writing ??= this.#write()
    return {
      start: open.start,
      written: open.batch.written,
      show: () => {
        open.shown = true
        this.#showDone()
      },
    }
  }

  /** The one that takes the next record. */
  #batch(): Batch {
    const last = this.#waiting.at(-1)
    if (last?.index === Math.floor(this.#next / FILE_SPAN)) return last
    const batch = new Batch(this.#next)
    this.#waiting.push(batch)
    return batch
  }

  /** Some records from `position` on; none at the end. */
  async read(position: number): Promise<{ entries: Entry[]; next: number }> {
    const index = Math.floor(position / FILE_SPAN)
    const log = await this.#fileOf(index)
    const offset = position % FILE_SPAN
    const isLast = index === Math.floor(this.#end / FILE_SPAN)
    const size = isLast ? this.#end % FILE_SPAN : log.size
    if (offset >= size) return { entries: [], next: isLast ? position : (index + 1) * FILE_SPAN }
    const bytes = await log.read(offset, Math.min(PIECE, size - offset))
    const length = bytes.lastIndexOf('\n') + 1
    const entries: Entry[] = []
    let start = position
    for (const line of bytes.toString('latin1', 0, length).split('\n')) {
      const end = start + line.length + 1
      const record = parse(line)
      // A line that is none is passed over: it must not keep back those behind it.
      if (record !== undefined) entries.push({ ...record, start, end })
      start = end
    }
    return { entries, next: position + (length > 0 ? length : bytes.length) }
  }

  /**
   * A position before all records that were made here at a moment or later, and not much before; 0 where it is not known
   * to be kept.
   *
   * @param timestamp - Unix seconds
   */
  async before(timestamp: number): Promise<number> {
    for (let end = this.#end; end > this.start;) {
      const position = await this.#lineAfter(await this.#back(end, PIECE))
      const { entries } = await this.read(position)
      if (entries.some((entry) => entry.source && entry.timestamp < timestamp)) return position
      end = position
    }
    return 0
  }

  async #write(): Promise<void> {
    await turn()
    for (let batch = this.#waiting.shift(); batch !== undefined; batch = this.#waiting.shift()) {
      try {
        if (batch.index !== this.#index) await this.#rotate(batch.index)
        if (this.#log === undefined) throw new Error('the binlog is closed')
        await this.#log.append(Buffer.from(batch.lines, 'latin1'))
        batch.stored = true
        batch.resolve()
        this.#showDone()
      } catch (error) {
        this.#fail(batch, error)
      }
    }
    this.#writing = undefined
  }

  /** What could not be written has no place: all that came behind it is refused as well, and told where it begins. */
  #fail(batch: Batch, error: unknown): void {
    const failed = [batch, ...this.#waiting]
    this.#waiting = []
    this.#open = this.#open.filter((open) => !failed.includes(open.batch))
    this.#next = batch.start
    for (const { reject } of failed) reject(error)
    this.#showDone()
  }

  #showDone(): void {
    while (this.#open[0]?.shown && this.#open[0].batch.stored) this.#open.shift()
    const end = this.#open[0]?.start ?? this.#next
    if (end === this.#end) return
    this.#end = end
    this.#onGrow()
  }

  #files(): [index: number, log: Log][] {
    return this.#log === undefined ? [] : [...this.#older, [this.#index, this.#log]]
  }

  async #rotate(index: number): Promise<void> {
    // First the index: without it a restart would not find what is written to the new file.
    await this.#writeIndex(index)
    const log = await this.#own.log(fileName(index))
    if (this.#log !== undefined) this.#older.set(this.#index, this.#log)
    this.#index = index
    this.#log = log
  }

  /** Of the files that are there. */
  async #lastIndex(): Promise<number> {
    const names = await this.#own.names('sync')
    return names.reduce((last, name) => Math.max(last, Number(/^binlog\.(\d+)$/.exec(name)?.[1] ?? 0)), 0)
  }

  async #writeIndex(index: number): Promise<void> {
    await this.#own.write(INDEX_FILE, Buffer.from(`current_write=${index}\ncurrent_compress=0\n`))
  }

  async #fileOf(index: number): Promise<Log> {
    if (index === this.#index && this.#log !== undefined) return this.#log
    let log = this.#older.get(index)
    if (log === undefined) {
      log = await this.#own.log(fileName(index))
      this.#older.set(index, log)
    }
    return log
  }

  /** The position so many bytes before another one, or where the kept records begin. */
  async #back(position: number, count: number): Promise<number> {
    const inFile = position % FILE_SPAN
    const index = Math.floor(position / FILE_SPAN)
    if (inFile >= count || index === 0) return Math.max(this.start, position - count)
    const { size } = await this.#fileOf(index - 1)
    return this.#back((index - 1) * FILE_SPAN + size, count - inFile)
  }

  async #lineAfter(position: number): Promise<number> {
    if (position % FILE_SPAN === 0 || position === this.start) return position
    // From the byte before: the position may be that of a line.
    const log = await this.#fileOf(Math.floor(position / FILE_SPAN))
    const bytes = await log.read((position % FILE_SPAN) - 1, 1024)
    return position + bytes.indexOf('\n')
  }
}

/** As mark files write a position. */
export function toMark(position: number): { index: number; offset: number } {
  return { index: Math.floor(position / FILE_SPAN), offset: position % FILE_SPAN }
}

/** The position that a mark file means. */
export function fromMark(index: number, offset: number): number {
  return index * FILE_SPAN + offset
}

function fileName(index: number): string {
  return `sync/binlog.${String(index).padStart(3, '0')}`
}

function format({ timestamp, operation, source, name, extra }: BinlogRecord): string {
  const letter = source ? operation : operation.toLowerCase()
  const rest = extra.length === 0 ? '' : ` ${extra.join(' ')}`
  return `${timestamp} ${letter} ${name}${rest}\n`
}

function parse(line: string): BinlogRecord | undefined {
  const [, timestamp = '', letter = '', name = '', extra = ''] = LINE.exec(line) ?? []
  if (name === '' || name.length > limits.MAX_FILENAME_SIZE + 2) return undefined
  const operation = letter.toUpperCase() as Operation
  return {
    timestamp: Number(timestamp),
    operation,
    source: letter === operation,
    name,
    extra: extra.split(' ').slice(1),
  }
}
