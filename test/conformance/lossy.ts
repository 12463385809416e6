import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import type { Connect } from '../../src/index.js'

/** Bytes of content after which a connection ends in the middle. */
const SOME = 100_000

/**
 * Connections of which one is lost: the first that sends a command, either when the answer to it comes, or in the middle
 * of its content.
 */
export function lossyConnect(
  command: number,
  cut: 'answer' | 'middle',
): { connect: Connect; lost(): number } {
  let isChosen = false
  let lost = 0
  const connect: Connect = async ({ host, port }, { signal }) => {
    const socket = connectTcp({ host, port })
    await once(socket, 'connect', { signal })
    return new Lossy(
      socket,
      // A header and its fields are written at a time, before any content.
      (chunk) => !isChosen && (isChosen = chunk.length < 200 && chunk[8] === command),
      cut,
      () => void lost++,
    )
  }
  return { connect, lost: () => lost }
}

class Lossy extends Duplex {
  readonly #socket: Socket
  readonly #choose: (chunk: Buffer) => boolean
  readonly #cut: 'answer' | 'middle'
  readonly #onLost: () => void
  #isChosen = false
  #sent = 0

  constructor(
    socket: Socket,
    choose: (chunk: Buffer) => boolean,
    cut: 'answer' | 'middle',
    onLost: () => void,
  ) {
    super()
    this.#socket = socket
    this.#choose = choose
    this.#cut = cut
    this.#onLost = onLost
    socket.on('data', (chunk) => {
      if (this.#isChosen) this.#lose()
      else this.push(chunk)
    })
    socket.on('error', (error) => this.destroy(error))
    socket.on('close', () => this.destroy())
  }

  override _read(): void {}

  override _write(chunk: Buffer, _: string, done: (error?: Error | null) => void): void {
    if (this.#choose(chunk)) this.#isChosen = true
    else if (this.#isChosen) this.#sent += chunk.length
    if (this.#isChosen && this.#cut === 'middle' && this.#sent > 0) {
      this.#socket.write(chunk.subarray(0, SOME), () => {
        this.#lose()
        done()
      })
    } else this.#socket.write(chunk, done)
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy()
    done(error)
  }

  #lose(): void {
    this.#onLost()
    this.#isChosen = false
    this.destroy()
  }
}
