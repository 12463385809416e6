import createDebug from 'debug'

/** What happens inside, for `DEBUG=fastdfs:*`. Costs nothing while nobody listens; ask `enabled` before a costly text. */
export const log = {
  /** Connections made and lost. */
  net: createDebug('fastdfs:net'),
  /** Attempts that failed and are made again. */
  retry: createDebug('fastdfs:retry'),
  /** The embedded tracker and storage. */
  server: createDebug('fastdfs:server'),
}
