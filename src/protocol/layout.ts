/** A shape as one dialect lays it out: which fields there are, how wide each is, and what follows it. */
import type { Dialect } from './dialect.js'
import { DIALECTS, isAtLeast } from './dialect.js'
import type { Field, Kind, Shape } from './fields.js'

/** One field of a layout. */
export interface LayoutField {
  readonly name: string
  readonly kind: Kind
  /** Bytes; 0 for texts, bytes, lists and slots, whose width the body decides. */
  readonly size: number
  /** Offset from the layout's start, where no field of variable width stands before. */
  readonly offset: number
  /** Bytes that the fields behind this one take at least. */
  readonly sizeAfter: number
  readonly trailing: boolean
  /** True when a `flagsOf` tells whether it is there. */
  readonly flagged: boolean
  /** True when the caller may leave it out; then it is absent, or zero where this version always has it. */
  readonly optional: boolean
  readonly ref: string | undefined
  readonly bits: readonly (readonly [field: string, bit: number])[]
  /** For `struct` and `list`: the layout within. */
  readonly layout: Layout | undefined
  readonly max: number
  /** For `slots`: bytes a slot; 0 means lines. */
  readonly slotSize: number
  /** True where dialects that cannot be told apart by length disagree about these bytes: they are skipped. */
  readonly hidden: boolean
}

/** The fields of a packet or record in one dialect. */
export interface Layout {
  readonly fields: readonly LayoutField[]
  /** Those whose width is not the same in every value. */
  readonly varying: readonly LayoutField[]
  /** Bytes that every value takes: all fixed widths, without trailing fields. */
  readonly fixedSize: number
  /** True when every value takes exactly `fixedSize`. */
  readonly fixed: boolean
  /** Set when all that varies is the number of records of one list. */
  readonly records: { readonly size: number; readonly max: number } | undefined
  /** The same text for the same layout. */
  readonly signature: string
}

/** What was laid out, by shape, version and address size. */
const layouts = new WeakMap<Shape, Map<string, Layout>>()

/** The layout that a server of `dialect` writes: always the same object. */
export function layoutFor(shape: Shape, dialect: Dialect): Layout {
  let ofShape = layouts.get(shape)
  if (ofShape === undefined) layouts.set(shape, (ofShape = new Map<string, Layout>()))
  const key = `${dialect.version}/${dialect.addressSize}`
  let layout = ofShape.get(key)
  if (layout === undefined) ofShape.set(key, (layout = build(shape, dialect, layoutFor, () => false)))
  return layout
}

/**
 * The layout by which to read what a server of `dialect` wrote, when all that is known is the length: bytes that
 * another dialect with a record of the same size uses for something else are hidden.
 */
export function layoutByLength(shape: Shape, dialect: Dialect): Layout {
  const own = layoutFor(shape, dialect)
  const rivals = own.fixed
    ? DIALECTS.map((other) => layoutFor(shape, other)).filter(
        (other) => other.fixed && other.fixedSize === own.fixedSize,
      )
    : []
  const shared = (name: string, offset: number): boolean =>
    rivals.every((rival) => rival.fields.some((field) => field.name === name && field.offset === offset))
  return build(shape, dialect, layoutByLength, (name, offset) => !shared(name, offset))
}

function build(
  shape: Shape,
  dialect: Dialect,
  nested: (shape: Shape, dialect: Dialect) => Layout,
  isHidden: (name: string, offset: number) => boolean,
): Layout {
  const fields: LayoutField[] = []
  const flagged = new Set(Object.values(shape).flatMap((field) => Object.keys(field.bits ?? {})))
  let offset = 0
  for (const [name, field] of Object.entries(shape)) {
    if (field.since !== undefined && !isAtLeast(dialect, field.since)) continue
    if (field.before !== undefined && isAtLeast(dialect, field.before)) continue
    const layout = field.shape && nested(field.shape, dialect)
    // Text of a fixed width in this dialect, up to the end of the body in others.
    const kind = field.kind === 'text' && resolveSize(field, dialect) > 0 ? 'str' : field.kind
    const size = widthOf(field, kind, layout, dialect)
    fields.push({
      name,
      kind,
      size,
      offset,
      sizeAfter: 0,
      trailing: field.trailing ?? false,
      flagged: flagged.has(name),
      optional:
        flagged.has(name) ||
        field.trailing === true ||
        field.since !== undefined ||
        field.before !== undefined,
      ref: field.ref,
      bits: Object.entries(field.bits ?? {}),
      layout,
      max: field.max ?? 0,
      slotSize: field.kind === 'slots' ? resolveSize(field, dialect) : 0,
      hidden: isHidden(name, offset),
    })
    offset += size
  }
  const isOptional = (field: LayoutField): boolean => field.trailing || field.flagged
  let sizeAfter = 0
  for (let i = fields.length - 1; i >= 0; i--) {
    const field = fields[i] as LayoutField
    fields[i] = { ...field, sizeAfter }
    if (!isOptional(field)) sizeAfter += field.size
  }
  const varying = fields.filter((field) => isVariable(field.kind) || isOptional(field))
  const [list] = varying
  return {
    fields,
    varying,
    fixedSize: sizeAfter,
    fixed: varying.length === 0,
    records:
      varying.length === 1 && list?.kind === 'list' && list.layout !== undefined
        ? { size: list.layout.fixedSize, max: list.max }
        : undefined,
    signature: fields
      .map((f) => [f.name, f.kind, f.size, f.slotSize, f.hidden, f.layout?.signature].join(':'))
      .join(','),
  }
}

function widthOf(field: Field, kind: Kind, layout: Layout | undefined, dialect: Dialect): number {
  if (kind === 'struct') return (layout as Layout).fixedSize
  return isVariable(kind) ? 0 : resolveSize(field, dialect)
}

function resolveSize(field: Field, dialect: Dialect): number {
  return typeof field.size === 'number' ? field.size : field.size(dialect)
}

function isVariable(kind: Kind): boolean {
  return kind === 'text' || kind === 'textz' || kind === 'bytes' || kind === 'list' || kind === 'slots'
}
