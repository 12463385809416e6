import createDebug from 'debug'

/** Of the embedded tracker and storage, for `DEBUG=fastdfs:server`. */
export const log = {
  /** What their connections and links do. */
  server: createDebug('fastdfs:server'),
}

/** Takes what a client has to tell: a pino logger, `console`, or what has these methods. Must not throw. */
export interface Logger {
  /** Of interest when something is looked for: connections made and lost, attempts that are made again. */
  debug(details: object, message: string): void
  /** A server that failed, or is back. */
  info(details: object, message: string): void
  /** What somebody should see to: a file left behind, a connection that is held for ever, a damaged file. */
  warn(details: object, message: string): void
}

/** What a message is about: `fastdfs:net`, `fastdfs:pool`, `fastdfs:retry`, `fastdfs:client` in `DEBUG`. */
export type LogScope = 'net' | 'pool' | 'retry' | 'client'

type Level = keyof Logger

const debuggers: Readonly<Record<LogScope, createDebug.Debugger>> = {
  net: createDebug('fastdfs:net'),
  pool: createDebug('fastdfs:pool'),
  retry: createDebug('fastdfs:retry'),
  client: createDebug('fastdfs:client'),
}

/** What one client tells: to its logger, or without one to `DEBUG=fastdfs:*`. No secret gets through. */
export class Log {
  readonly #logger: Logger | undefined

  /** @param logger - instead of `DEBUG` */
  constructor(logger?: Logger) {
    this.#logger = logger
  }

  /** See {@link Logger.debug}. */
  debug(scope: LogScope, message: string, details: object = {}): void {
    this.#write('debug', scope, message, details)
  }

  /** See {@link Logger.info}. */
  info(scope: LogScope, message: string, details: object = {}): void {
    this.#write('info', scope, message, details)
  }

  /** See {@link Logger.warn}. */
  warn(scope: LogScope, message: string, details: object = {}): void {
    this.#write('warn', scope, message, details)
  }

  #write(level: Level, scope: LogScope, message: string, details: object): void {
    if (this.#logger !== undefined) {
      const entries = Object.entries({ scope: `fastdfs:${scope}`, ...details })
      const redacted = entries.map(([name, value]) => [
        name,
        typeof value === 'string' ? redact(value) : value,
      ])
      this.#logger[level](Object.fromEntries(redacted) as object, redact(message))
    } else if (debuggers[scope].enabled) debuggers[scope]('%s', redact(message))
  }
}

/** `token=x`, `http_secret_key = "x"`, `"secret":"x"`, also where the quotes are escaped: JSON in JSON. */
const NAMED_SECRET =
  /(?<![a-z])((?:token|secret(?:_?key)?|password)(?:\\*["'])?\s*[=:]\s*)(?:(")(?:[^"\\]|\\.)*|(')(?:[^'\\]|\\.)*|(\\+["'])(?:(?!\\+["']).)*|[^&\s"']+)/gi
/** The password of a URL: `fdfs://user:x@host`. */
const URL_PASSWORD = /(\b[a-z][a-z\d+.-]*:\/\/[^\s/?#:@]*:)[^\s/?#]*(?=@)/gi

/** A text without the tokens, keys and passwords that URLs, lines of configurations and JSON carry. */
export function redact(text: string): string {
  return text.replace(URL_PASSWORD, '$1[redacted]').replace(NAMED_SECRET, '$1$2$3$4[redacted]')
}
