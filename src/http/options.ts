import { readFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { validateHeaderValue } from 'node:http'
import { ConfigError, isFastDfsError } from '../errors.js'
import { contentTypeOf } from './content-type.js'
import type { VerifyOptions } from './token.js'
import { checkSecret, checkTime } from './token.js'
import type { ParseUrlOptions } from './url.js'

/** How a handler answers. */
export interface FileHandlerOptions {
  /**
   * Asks for tokens that were made with this key, as `http.anti_steal.secret_key`. Left out, files are there for
   * everyone; given as `undefined`, it is an error.
   */
  readonly secret?: string
  /** How long a token is valid, in milliseconds. @defaultValue 600 000 */
  readonly ttl?: number | undefined
  /** How far the clock of whoever makes tokens may be behind this one, in milliseconds. @defaultValue 0 */
  readonly clockSkew?: number | undefined
  /** The path of a file that is sent, with status 200, in place of the 400 for a wrong token. Read once. */
  readonly tokenCheckFail?: string | undefined
  /** A request with this header needs no token: `anti_steal_bypass_header_name` and `_value`. */
  readonly bypass?: { readonly header: string; readonly value: string } | undefined
  /** The group of URLs without one, `/M00/…`. */
  readonly group?: string | undefined
  /** What stands in front of file IDs, where the framework does not take it away: `/files`. */
  readonly prefix?: string | undefined
  /** `Cache-Control` of files, such as `public, max-age=31536000, immutable`. Without it there is none. */
  readonly cacheControl?: string | undefined
  /** Media types by extension, such as `{ log: 'text/plain; charset=utf-8' }`; others are known. */
  readonly types?: Readonly<Record<string, string>> | undefined
  /** Whether `start` and `end` in URLs of `.flv` files ask for a part: `flv_support`. @defaultValue false */
  readonly flv?: boolean | undefined
  /** Is told of every failure that a client sees as a status of 500 or more, or as a connection that ends. */
  readonly onError?: ((error: unknown, request: IncomingMessage) => void) | undefined
}

/** Options that were checked. */
export interface ResolvedHandlerOptions {
  /** Undefined where no token is asked for. */
  readonly tokens: TokenCheck | undefined
  readonly url: ParseUrlOptions
  readonly cacheControl: string | undefined
  readonly types: ReadonlyMap<string, string>
  readonly flv: boolean
  readonly onError: (error: unknown, request: IncomingMessage) => void
}

/** How tokens are asked for. */
export interface TokenCheck {
  readonly verify: VerifyOptions
  readonly bypass: { readonly header: string; readonly value: string } | undefined
  /** What is sent where a token is wrong. */
  readonly page: { readonly content: Buffer; readonly type: string } | undefined
}

const TOKEN_OPTIONS = ['ttl', 'clockSkew', 'tokenCheckFail', 'bypass'] as const
const OPTIONS = ['secret', ...TOKEN_OPTIONS, 'group', 'prefix', 'cacheControl', 'types', 'flv', 'onError']

/**
 * Checks a handler's options. A mistake in them must not open what was to be closed.
 *
 * @throws ConfigError that names the option
 */
export function resolveHandlerOptions(options: FileHandlerOptions): ResolvedHandlerOptions {
  const unknown = Object.keys(options).find((name) => !OPTIONS.includes(name))
  if (unknown !== undefined) throw refuse(unknown, `is none of ${OPTIONS.join(', ')}`)
  const { group, prefix = '', cacheControl, types = {}, flv = false, onError = () => {} } = options
  if (group !== undefined && !/^[0-9A-Za-z]{1,16}$/.test(group))
    throw refuse('group', 'must be 1 to 16 letters and digits')
  if (prefix !== '' && !/^\/.*[^/]$/.test(prefix))
    throw refuse('prefix', 'must begin with a slash, and not end with one')
  if (typeof flv !== 'boolean') throw refuse('flv', 'must be true or false')
  if (typeof onError !== 'function') throw refuse('onError', 'must be a function')
  if (cacheControl !== undefined) checkHeader('cacheControl', cacheControl)
  for (const [ext, type] of Object.entries(types)) checkHeader(`types.${ext}`, type)
  const lowerCase = new Map(Object.entries(types).map(([ext, type]) => [ext.toLowerCase(), type]))
  return {
    tokens: resolveTokens(options, lowerCase),
    url: { group, prefix },
    cacheControl,
    types: lowerCase,
    flv,
    onError,
  }
}

function resolveTokens(
  options: FileHandlerOptions,
  types: ReadonlyMap<string, string>,
): TokenCheck | undefined {
  if (!('secret' in options)) {
    const idle = TOKEN_OPTIONS.find((name) => options[name] !== undefined)
    if (idle !== undefined) throw refuse(idle, 'is for tokens, and there is no secret')
    return undefined
  }
  const { secret, ttl, clockSkew, tokenCheckFail, bypass } = options
  try {
    checkSecret(secret)
    if (ttl !== undefined) checkTime(ttl, 'ttl')
    if (clockSkew !== undefined) checkTime(clockSkew, 'clockSkew')
  } catch (error) {
    throw isFastDfsError(error) ? new ConfigError(error.reason) : error
  }
  if (bypass !== undefined && (!bypass.header || !bypass.value))
    throw refuse('bypass', 'must be { header, value }')
  return {
    verify: { secret, ttl, clockSkew },
    bypass: bypass && { header: bypass.header.toLowerCase(), value: bypass.value },
    page: tokenCheckFail === undefined ? undefined : readPage(tokenCheckFail, types),
  }
}

function readPage(path: string, types: ReadonlyMap<string, string>): TokenCheck['page'] {
  try {
    return { content: readFileSync(path), type: contentTypeOf(path, types) }
  } catch (cause) {
    throw new ConfigError(`tokenCheckFail cannot be read: ${(cause as Error).message}`, { cause })
  }
}

function checkHeader(name: string, value: unknown): void {
  try {
    validateHeaderValue(name, value as string)
  } catch (cause) {
    throw new ConfigError(`${name} must be the value of a header`, { cause })
  }
}

function refuse(name: string, what: string): ConfigError {
  return new ConfigError(`the option ${name} of a file handler ${what}`)
}
