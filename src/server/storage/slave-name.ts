/** Where a master's extension may begin: its dot is the first among so many last characters. */
const TAIL_LENGTH = 7
/** Shorter names, store path included, are nobody's master. */
const MIN_MASTER_SIZE = 38

/**
 * The name that a C storage makes: what comes out may have any length (protocol.md §5).
 *
 * @param master - with its store path
 * @returns undefined where that name would be the master's own, or its metadata's, and for a master that is too short
 */
export function slaveNameOf(master: string, prefix: string, ext: string): string | undefined {
  const dot = master.indexOf('.', master.length - TAIL_LENGTH)
  const stem = dot === -1 ? master : master.slice(0, dot)
  const suffix = ext === '' || ext.startsWith('.') ? ext : `.${ext}`
  const name = `${stem}${prefix}${suffix}`
  const isTaken = (prefix === '' && name === master) || (prefix === '-m' && suffix === '')
  return master.length < MIN_MASTER_SIZE || isTaken ? undefined : name
}
