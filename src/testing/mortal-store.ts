import type { Draft, Edit, FileStat, Log, OwnFiles, Store, StoredFile, StoreSpace } from '../server/index.js'
import type { MaybePromise } from '../server/maybe-promise.js'
import { isPromise } from '../server/maybe-promise.js'

/** A process, as far as its store goes. */
class Life {
  #dead = false

  end(): void {
    this.#dead = true
  }

  /** Gives what is asked for, to a process that lives. */
  of<T>(target: T): T {
    if (this.#dead) throw new Error('this process was killed')
    return target
  }
}

/**
 * A store as one process has it: once that is dead every call fails, so that nothing is written any more. Only ends go
 * on: the system closes what was open, and nobody has ever seen a draft.
 */
export class MortalStore implements Store {
  readonly own: OwnFiles
  readonly #store: Store
  readonly #life = new Life()

  constructor(immortal: Store) {
    this.#store = immortal
    this.own = new MortalFiles(immortal.own, this.#life)
  }

  /** Ends the process. */
  die(): void {
    this.#life.end()
  }

  async open(pathCount: number): Promise<void> {
    await this.#living.open(pathCount)
  }

  create(storePathIndex: number): MaybePromise<Draft> {
    return wrapped(this.#living.create(storePathIndex), (draft) => new MortalDraft(draft, this.#life))
  }

  read(name: string): MaybePromise<StoredFile | undefined> {
    return this.#living.read(name)
  }

  stat(name: string): MaybePromise<FileStat | undefined> {
    return this.#living.stat(name)
  }

  edit(name: string): MaybePromise<Edit | undefined> {
    return wrapped(this.#living.edit(name), (edit) => edit && new MortalEdit(edit, this.#life))
  }

  rename(from: string, to: string): MaybePromise<boolean> {
    return this.#living.rename(from, to)
  }

  link(source: string, name: string, modifiedAt?: number): MaybePromise<void> {
    return this.#living.link(source, name, modifiedAt)
  }

  remove(name: string): MaybePromise<boolean> {
    return this.#living.remove(name)
  }

  space(storePathIndex: number): MaybePromise<StoreSpace> {
    return this.#living.space(storePathIndex)
  }

  list(storePathIndex: number): AsyncIterable<string> {
    return this.#living.list(storePathIndex)
  }

  get #living(): Store {
    return this.#life.of(this.#store)
  }
}

class MortalDraft implements Draft {
  readonly #draft: Draft
  readonly #life: Life

  constructor(draft: Draft, life: Life) {
    this.#draft = draft
    this.#life = life
  }

  write(chunk: Buffer): MaybePromise<void> {
    return this.#life.of(this.#draft).write(chunk)
  }

  publish(name: string, modifiedAt?: number): MaybePromise<void> {
    return this.#life.of(this.#draft).publish(name, modifiedAt)
  }

  discard(): MaybePromise<void> {
    return this.#draft.discard()
  }
}

class MortalEdit implements Edit {
  readonly size: number
  readonly #edit: Edit
  readonly #life: Life

  constructor(edit: Edit, life: Life) {
    this.size = edit.size
    this.#edit = edit
    this.#life = life
  }

  write(chunk: Buffer, position: number): MaybePromise<void> {
    return this.#life.of(this.#edit).write(chunk, position)
  }

  truncate(size: number): MaybePromise<void> {
    return this.#life.of(this.#edit).truncate(size)
  }

  touch(modifiedAt: number): MaybePromise<void> {
    return this.#life.of(this.#edit).touch(modifiedAt)
  }

  close(): MaybePromise<void> {
    return this.#edit.close()
  }
}

class MortalFiles implements OwnFiles {
  readonly #files: OwnFiles
  readonly #life: Life

  constructor(files: OwnFiles, life: Life) {
    this.#files = files
    this.#life = life
  }

  read(name: string): MaybePromise<Buffer | undefined> {
    return this.#living.read(name)
  }

  write(name: string, bytes: Buffer): MaybePromise<void> {
    return this.#living.write(name, bytes)
  }

  remove(name: string): MaybePromise<boolean> {
    return this.#living.remove(name)
  }

  names(folder: string): MaybePromise<string[]> {
    return this.#living.names(folder)
  }

  log(name: string): MaybePromise<Log> {
    return wrapped(this.#living.log(name), (log) => new MortalLog(log, this.#life))
  }

  get #living(): OwnFiles {
    return this.#life.of(this.#files)
  }
}

class MortalLog implements Log {
  readonly #log: Log
  readonly #life: Life

  constructor(log: Log, life: Life) {
    this.#log = log
    this.#life = life
  }

  get size(): number {
    return this.#log.size
  }

  get start(): number {
    return this.#log.start
  }

  append(bytes: Buffer): MaybePromise<void> {
    return this.#life.of(this.#log).append(bytes)
  }

  read(position: number, length: number): MaybePromise<Buffer> {
    return this.#life.of(this.#log).read(position, length)
  }

  truncate(size: number): MaybePromise<void> {
    return this.#life.of(this.#log).truncate(size)
  }

  drop(position: number): void {
    this.#life.of(this.#log).drop(position)
  }

  close(): MaybePromise<void> {
    return this.#log.close()
  }
}

function wrapped<T, R>(opened: MaybePromise<T>, wrap: (value: T) => R): MaybePromise<R> {
  return isPromise(opened) ? opened.then(wrap) : wrap(opened)
}
