/** The TypeScript of a guide as one program, each line where it stands in the guide. */

/** A line of code with what it gives, or throws, behind it. */
const GIVES = /^(\s*)(.+?)\s+\/\/ => (.+)$/
const THROWS = /^(\s*)(.+?)\s+\/\/ throws (\w+): (.+)$/

/**
 * The code of all blocks and of the tables' TypeScript column, in order. `// => value` and `// throws Class: text` become
 * assertions. Lines keep their numbers, so that a failure names the guide's line.
 */
export function programOf(guide: string): string {
  let inCode: 'ts' | 'other' | undefined
  let column = -1
  const lines = guide.split('\n').map((line) => {
    const fence = /^```(\w*)/.exec(line)
    if (fence !== null) {
      inCode = inCode !== undefined ? undefined : fence[1] === 'ts' ? 'ts' : 'other'
      return ''
    }
    if (inCode !== undefined) return inCode === 'ts' ? asserted(line) : ''
    const cells = line.startsWith('|') ? line.split(/ ?\| ?/).slice(1, -1) : []
    if (cells.length === 0) column = -1
    if (cells.includes('TypeScript')) {
      column = cells.indexOf('TypeScript')
      return ''
    }
    const code = /^`(.+)`$/.exec(cells[column] ?? '')?.[1]
    return code === undefined ? '' : asserted(code)
  })
  return [...lines, "import assert from 'node:assert/strict'", ''].join('\n')
}

function asserted(line: string): string {
  const [, indent = '', expression, value] = GIVES.exec(line) ?? []
  if (expression !== undefined) return `${indent}assert.deepEqual(${expression}, ${value})`
  const [, before = '', call, name, message] = THROWS.exec(line) ?? []
  if (call === undefined) return line
  return `${before}await assert.rejects(async () => { ${call} }, ${JSON.stringify({ name, message })})`
}
