/** Where a master's extension may begin: its dot is the first among so many last characters. */
const TAIL_LENGTH = 7

/** The name that a C storage makes; it checks no length. */
export function slaveNameOf(master: string, prefix: string, ext: string): string {
  const dot = master.indexOf('.', master.length - TAIL_LENGTH)
  const stem = dot === -1 ? master : master.slice(0, dot)
  return `${stem}${prefix}${ext === '' || ext.startsWith('.') ? '' : '.'}${ext}`
}
