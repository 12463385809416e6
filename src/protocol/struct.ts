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
  readonly #layouts = new Map<string, Layout>()
  #last: { readonly dialect: Dialect; readonly layout: Layout } | undefined
  /** The layouts to try when the dialect is not known. Built at first use: for all commands it takes 0.1 s. */
  #candidates: readonly Layout[] | undefined

  /** @param shape - the fields in the order of the wire */
  constructor(shape: S) {
    this.#shape = shape
    this.holdsBytes = Object.values(shape).some(({ kind }) => kind === 'bytes')
  }

  /** The layout in `dialect`. */
  layout(dialect: Dialect): Layout {
    // Nearly always that of the last time: no key is made.
    if (this.#last?.dialect === dialect) return this.#last.layout
    const key = `${dialect.version}/${dialect.addressSize}`
    let layout = this.#layouts.get(key)
    if (layout === undefined) this.#layouts.set(key, (layout = layoutFor(this.#shape, dialect)))
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
    const candidates = (this.#candidates ??= distinctLayouts(this.#shape))
    let failure: unknown
    let fits = false
    for (const layout of candidates) {
      if (!fitsLength(layout, body.length)) continue
      fits = true
      try {
        return readFields(layout, body, context) as ValuesOf<S>
      } catch (error) {
        failure ??= error
      }
    }
    if (!fits) throw unknownLength(candidates, body, context)
    throw failure
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

/** The layouts of all dialects, the same one only once, in the order of {@link DIALECTS}. */
function distinctLayouts(shape: Shape): Layout[] {
  const distinct = new Map<string, Layout>()
  for (const dialect of DIALECTS) {
    const layout = layoutByLength(shape, dialect)
    if (!distinct.has(layout.signature)) distinct.set(layout.signature, layout)
  }
  return [...distinct.values()]
}
