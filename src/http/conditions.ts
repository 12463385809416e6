/** Conditional requests (RFC 9110 §13). */
import type { IncomingHttpHeaders } from 'node:http'

/** What tells one content of a file from another. */
export interface Validators {
  /** A strong one, with its quotes. */
  readonly etag: string
  /** In whole seconds. */
  readonly modifiedAt: Date
}

/** The status in place of 200: 304 when the client has the file, 412 when it is not the one that was asked for. */
export function conditionStatus(headers: IncomingHttpHeaders, file: Validators): 200 | 304 | 412 {
  const modifiedAt = file.modifiedAt.getTime()
  const ifMatch = headers['if-match']
  if (ifMatch !== undefined) {
    if (!lists(ifMatch, file.etag, strongly)) return 412
  } else if (modifiedAt > timeOf(headers['if-unmodified-since'])) return 412

  const ifNoneMatch = headers['if-none-match']
  if (ifNoneMatch !== undefined) return lists(ifNoneMatch, file.etag, weakly) ? 304 : 200
  return modifiedAt <= timeOf(headers['if-modified-since']) ? 304 : 200
}

/** Whether a range is asked of this content; if not, all of it is wanted. */
export function rangeApplies(headers: IncomingHttpHeaders, { etag, modifiedAt }: Validators): boolean {
  const ifRange = headers['if-range']
  if (typeof ifRange !== 'string') return true
  return ifRange.includes('"') ? ifRange === etag : timeOf(ifRange) === modifiedAt.getTime()
}

/** The three forms of a date (RFC 9110 §5.6.7). */
const FIXDATE = /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/
const RFC850 = /^\w{6,9}, \d\d-\w{3}-\d\d \d\d:\d\d:\d\d GMT$/
/** It has no zone, and is GMT. */
const ASCTIME = /^\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}$/

/** No comparison holds for what is no date, which is then ignored. */
function timeOf(date = ''): number {
  if (ASCTIME.test(date)) return Date.parse(`${date} GMT`)
  return FIXDATE.test(date) || RFC850.test(date) ? Date.parse(date) : NaN
}

type Compare = (listed: string, etag: string) => boolean
const strongly: Compare = (listed, etag) => listed === etag
const weakly: Compare = (listed, etag) => listed.replace(/^W\//, '') === etag

function lists(header: string, etag: string, same: Compare): boolean {
  if (header.trim() === '*') return true
  return (header.match(/(?:W\/)?"[^"]*"/g) ?? []).some((listed) => same(listed, etag))
}
