import type { BenchClient } from './client.js'
import { RawConnection } from './raw-connection.js'
import { receiveDiscarded, receiveToPath, sendPath } from './raw-large.js'
import type { Place } from './raw-packets.js'
import * as packets from './raw-packets.js'

/** Answers: enough to name every group of a small cluster. */
const REMEMBERED = 8

/** To one server at most, as our client has by default: more callers wait in turn. */
const MAX_CONNECTIONS = 64

interface Server {
  readonly free: RawConnection[]
  readonly waiting: ((connection: RawConnection) => void)[]
  open: number
}

/**
 * The floor: as little as Node needs for the same requests (performance.md §8). It is no client to use: it has no
 * timeouts, retries or checks.
 */
export class RawClient implements BenchClient {
  readonly #trackers: readonly Place[]
  readonly #servers = new Map<string, Server>()
  #next = 0
  /** What trackers answered at first, used again and again: the floor of a client that asks them no more. */
  readonly #stores: { place: Place; storePathIndex: number }[] | undefined
  readonly #fetches: Map<string, Place> | undefined

  /** @param remembers - ask for nothing again: right only where a group is one storage, and nothing changes */
  constructor(trackers: readonly string[], remembers = false) {
    this.#stores = remembers ? [] : undefined
    this.#fetches = remembers ? new Map() : undefined
    this.#trackers = trackers.map(packets.placeOf)
  }

  async upload(content: Buffer): Promise<string> {
    const { place, storePathIndex } = await this.#store()
    return packets.readFileId(
      await this.#ask(place, packets.uploadHead(storePathIndex, content.length), content),
    )
  }

  async download(id: string): Promise<Buffer> {
    return this.#ask(await this.#fetch(id), packets.download(id))
  }

  async delete(id: string): Promise<void> {
    const place = await this.#query(packets.QUERY_UPDATE, id)
    await this.#ask(place, packets.aboutFile(packets.DELETE_FILE, id))
  }

  async metadata(id: string): Promise<number> {
    await this.#ask(await this.#query(packets.QUERY_UPDATE, id), packets.setMetadata(id))
    const place = await this.#query(packets.QUERY_UPDATE, id)
    return packets.countMetadata(await this.#ask(place, packets.aboutFile(packets.GET_METADATA, id)))
  }

  async info(id: string): Promise<number> {
    const place = await this.#query(packets.QUERY_FETCH, id)
    return (await this.#ask(place, packets.aboutFile(packets.FILE_INFO, id))).readUInt32BE(4)
  }

  async query(): Promise<void> {
    await this.#queryStore()
  }

  async uploadPath(path: string): Promise<string> {
    const { place, storePathIndex } = await this.#queryStore()
    const server = this.#serverOf(place)
    let connection = await this.#take(server, place)
    try {
      const body = await sendPath(connection, path, (size) => packets.uploadHead(storePathIndex, size))
      return packets.readFileId(body)
    } catch (error) {
      connection = another(place, connection)
      throw error
    } finally {
      give(server, connection)
    }
  }

  async downloadPath(id: string, path: string): Promise<number> {
    return receiveToPath(await this.#query(packets.QUERY_FETCH, id), packets.download(id), path)
  }

  async downloadDiscarded(id: string): Promise<number> {
    return receiveDiscarded(await this.#query(packets.QUERY_FETCH, id), packets.download(id))
  }

  async close(): Promise<void> {
    for (const { free } of this.#servers.values()) for (const connection of free) connection.destroy()
  }

  /** In turn, of the first answers. */
  async #store(): Promise<{ place: Place; storePathIndex: number }> {
    const stores = this.#stores
    if (stores === undefined) return this.#queryStore()
    if (stores.length < REMEMBERED) stores.push(await this.#queryStore())
    return stores[this.#next++ % stores.length] as (typeof stores)[0]
  }

  async #fetch(id: string): Promise<Place> {
    const fetches = this.#fetches
    if (fetches === undefined) return this.#query(packets.QUERY_FETCH, id)
    const group = id.slice(0, id.indexOf('/'))
    const known = fetches.get(group)
    if (known !== undefined) return known
    const place = await this.#query(packets.QUERY_FETCH, id)
    fetches.set(group, place)
    return place
  }

  async #queryStore(): Promise<{ place: Place; storePathIndex: number }> {
    const body = await this.#ask(this.#tracker(), packets.queryStore())
    return { place: packets.readPlace(body, 1), storePathIndex: body[body.length - 1] as number }
  }

  async #query(command: number, id: string): Promise<Place> {
    return packets.readPlace(await this.#ask(this.#tracker(), packets.aboutFile(command, id)), 0)
  }

  /** In turn, as our client does. */
  #tracker(): Place {
    return this.#trackers[this.#next++ % this.#trackers.length] as Place
  }

  async #ask(place: Place, head: Buffer, content?: Buffer): Promise<Buffer> {
    const server = this.#serverOf(place)
    const taken = this.#take(server, place)
    let connection = taken instanceof RawConnection ? taken : await taken
    try {
      return await connection.request(head, content)
    } catch (error) {
      connection = another(place, connection)
      throw error
    } finally {
      give(server, connection)
    }
  }

  #serverOf({ host, port }: Place): Server {
    const key = `${host}:${port}`
    let server = this.#servers.get(key)
    if (server === undefined) this.#servers.set(key, (server = { free: [], waiting: [], open: 0 }))
    return server
  }

  #take(server: Server, { host, port }: Place): RawConnection | Promise<RawConnection> {
    for (let connection = server.free.pop(); connection !== undefined; connection = server.free.pop()) {
      // Servers close what rests for long between two slices.
      if (!connection.closed) return connection
      server.open--
    }
    if (server.open === MAX_CONNECTIONS) return new Promise((resolve) => server.waiting.push(resolve))
    server.open++
    return new RawConnection(host, port)
  }
}

/** In the place of one that has failed: nobody knows what it would answer next. */
function another({ host, port }: Place, failed: RawConnection): RawConnection {
  failed.destroy()
  return new RawConnection(host, port)
}

function give({ free, waiting }: Server, connection: RawConnection): void {
  const next = waiting.shift()
  if (next === undefined) free.push(connection)
  else next(connection)
}
