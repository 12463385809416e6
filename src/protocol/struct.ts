/** A shape with its layouts: writes in a dialect, reads in a known one or in whichever fits. */
import { ProtocolError } from '../errors.js'
import type { Dialect } from './dialect.js'
import { DIALECTS } from './dialect.js'
import type { Shape, ValuesOf } from './fields.js'
import type { Layout } from './layout.js'
import { layoutByLength, layoutFor } from './layout.js'
import type { ReadContext } from './read.js'
import { fitsLength, readFields, sizeOfFields } from './read.js'
import { measure, writeFields } from './write.js'

/** The fields of a request, a response or a record. */
export class Struct<S extends Shape> {
  /** Whether what is read holds views of the bytes that it is read from. */
  readonly holdsBytes: boolean
  readonly #shape: S
  #last: { readonly dialect: Dialect; readonly layout: Layout } | undefined
  /** The layouts to try when the dialect is not known, without doubles; made as far as they were needed. */
  readonly #candidates: Layout[] = []
  /** How many of {@link DIALECTS} are among them. */
  #tried = 0

  /** @param shape - the fields in the order of the wire */
  constructor(shape: S) {
    this.#shape = shape
    this.holdsBytes = Object.values(shape).some(({ kind }) => kind === 'bytes')
  }

  /** The layout in `dialect`. */
  layout(dialect: Dialect): Layout {
    // Nearly always that of the last time: no key is made.
    if (this.#last?.dialect === dialect) return this.#last.layout
    const layout = layoutFor(this.#shape, dialect)
    this.#last = { dialect, layout }
    return layout
  }

  /** Bytes that `values` take in `dialect`. */
  measure(values: ValuesOf<S>, dialect: Dialect): number {
    return measure(this.layout(dialect), values)
  }

  /** Writes `values` into `target` from `offset` on; returns the offset behind them. */
  write(values: ValuesOf<S>, target: Buffer, offset: number, dialect: Dialect, contentSize = 0): number {
    return writeFields(this.layout(dialect), values, target, offset, contentSize)
  }

  /**
   * Reads the whole of `body`: in `dialect`, or, where the server's is not known, in the first layout that fits.
   *
   * @throws ProtocolError when none fits
   */
  read(body: Buffer, context: ReadContext, dialect?: Dialect): ValuesOf<S> {
    if (dialect !== undefined) return readFields(this.layout(dialect), body, context) as ValuesOf<S>
    let failure: unknown
    let fits = false
    for (let i = 0; ; i++) {
      const layout = this.#candidate(i)
      if (layout === undefined) break
      if (!fitsLength(layout, body.length)) continue
      fits = true
      try {
        return readFields(layout, body, context) as ValuesOf<S>
      } catch (error) {
        failure ??= error
      }
    }
    if (!fits) throw unknownLength(this.#candidates, body, context)
    throw failure
  }

  /** One of the layouts to try, in the order of {@link DIALECTS}. */
  #candidate(index: number): Layout | undefined {
    const candidates = this.#candidates
    while (candidates.length <= index && this.#tried < DIALECTS.length) {
      const layout = layoutByLength(this.#shape, DIALECTS[this.#tried++] as Dialect)
      if (candidates.every(({ signature }) => signature !== layout.signature)) candidates.push(layout)
    }
    return candidates[index]
  }

  /** Bytes of the fields before a content, told from the first {@link Struct.prefixSize} bytes of the body. */
  sizeBeforeContent(start: Buffer, dialect: Dialect): number {
    return sizeOfFields(this.layout(dialect), start)
  }

  /** Bytes by which {@link Struct.sizeBeforeContent} can tell. */
  prefixSize(dialect: Dialect): number {
    return this.layout(dialect).fixedSize
  }
}

function unknownLength(candidates: readonly Layout[], body: Buffer, context: ReadContext): ProtocolError {
  const known = candidates.map(
    (layout) => layout.fixedSize + (layout.records ? `+n×${layout.records.size}` : ''),
  )
  return new ProtocolError(
    `a body of ${body.length} bytes is no length that is known here: ${[...new Set(known)].join(', ')}`,
    { command: context.command },
  )
}
