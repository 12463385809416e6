/** What the comparisons take from the environment. */
const { FASTDFS_SEED, FASTDFS_STEPS, FASTDFS_TRACKERS } = process.env

export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** The same seed makes the same sequence. */
export const seed = Number(FASTDFS_SEED ?? 1)
export const steps = Number(FASTDFS_STEPS ?? 3000)

/** The first of the real trackers. */
export function realTracker(): Endpoint {
  const [host = '', port = ''] = FASTDFS_TRACKERS?.split(',')[0]?.split(':') ?? []
  return { host, port: Number(port) }
}

/** The first of these variables that is not set. */
export function unset(variables: readonly string[]): string | undefined {
  return variables.find((variable) => (process.env[variable] ?? '') === '')
}
