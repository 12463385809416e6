import { join } from 'node:path'
import { Items } from '../items.js'
import * as files from '../stores/files.js'
import type { Cluster } from './cluster.js'
import type { StateFile } from './state-files.js'
import { loadState, STATE_FILES, stateFiles } from './state-files.js'

/** Says when the tracker was started last, and when it was last known to run. */
const STATUS_FILE = '.tracker_status'

/** The folder that a tracker's state outlives its process in. */
export class StateFolder {
  readonly #folder: string
  readonly #cluster: Cluster
  /** What the files hold, by name. */
  readonly #written = new Map<string, string>()
  #saved = -1
  #saving: Promise<void> | undefined
  #abandoned = false

  /** Touches nothing yet. */
  constructor(folder: string, cluster: Cluster) {
    this.#folder = folder
    this.#cluster = cluster
  }

  /**
   * Takes over what the folder holds, nothing where it is new.
   *
   * @returns Unix seconds when the tracker was last known to run; 0 where that is not known
   */
  async load(): Promise<number> {
    files.makeNamedFolder(this.#folder)
    const texts = await Promise.all(STATE_FILES.map((name) => this.#read(name)))
    loadState(this.#cluster, texts)
    this.#saved = this.#cluster.revision
    return new Items((await this.#read(STATUS_FILE)) ?? '').number('last_check_time') ?? 0
  }

  /**
   * Writes what has changed since it was written last.
   *
   * @returns when all that was true at the call is written; undefined where it is already
   */
  save(): Promise<void> | undefined {
    if (this.#saved === this.#cluster.revision) return this.#saving
    this.#saved = this.#cluster.revision
    const saving = this.#writeAll(stateFiles(this.#cluster), this.#saving).finally(() => {
      if (this.#saving === saving) this.#saving = undefined
    })
    this.#saving = saving
    return saving
  }

  /** Writes everything, counters too, that change all the time and are not worth a write each. */
  async saveAll(): Promise<void> {
    this.#saved = -1
    await this.save()
  }

  /** Notes that the tracker is running. Times are Unix seconds. */
  async noteRunning(startedAt: number, now: number): Promise<void> {
    await this.#write(STATUS_FILE, `up_time=${startedAt}\nlast_check_time=${now}\n`)
  }

  /** Writes nothing any more, whatever is under way. */
  abandon(): void {
    this.#abandoned = true
  }

  /** After what is being written, so that the last state is the last to be written. */
  async #writeAll(state: readonly StateFile[], before: Promise<void> | undefined): Promise<void> {
    await before?.catch(() => {})
    try {
      for (const { name, text } of state) await this.#write(name, text)
    } catch (error) {
      this.#saved = -1
      throw error
    }
  }

  async #read(name: string): Promise<string | undefined> {
    const text = (await files.readFile(join(this.#folder, name)))?.toString('latin1')
    if (text !== undefined) this.#written.set(name, text)
    return text
  }

  /** A file is the old one or the new one, whenever the process ends. */
  async #write(name: string, text: string): Promise<void> {
    this.#checkAbandoned()
    if (this.#written.get(name) === text) return
    this.#written.delete(name)
    const path = join(this.#folder, name)
    const fd = files.open(`${path}.tmp`, 'w')
    try {
      await files.writeAll(fd, [Buffer.from(text, 'latin1')], 0)
    } finally {
      files.close(fd)
    }
    this.#checkAbandoned()
    files.rename(`${path}.tmp`, path)
    this.#written.set(name, text)
  }

  #checkAbandoned(): void {
    if (this.#abandoned) throw new Error('this tracker was killed')
  }
}
