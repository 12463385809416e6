/** Runs every example as a user would, and fails with the first that does. */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

// What only others import is no example.
const examples = readdirSync('examples').filter(
  (file) => file.endsWith('.ts') && !readFileSync(`examples/${file}`, 'utf8').includes('export '),
)
for (const example of examples) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', `examples/${example}`], {
    encoding: 'utf8',
    timeout: 60_000,
  })
  console.log(`${status === 0 ? 'ok' : 'FAILED'} examples/${example}`)
  if (status !== 0) {
    console.error(stdout, stderr)
    process.exit(1)
  }
}
console.log(`${examples.length} passed, 0 failed`)
