/**
 * One random sequence of requests to an embedded and to a real server: whatever they answer differently is printed, and
 * the exit code is 1. "not run" without a real cluster. What each needs stands at its head.
 *
 *     npm run test:differential -- storage
 *     npm run test:differential -- tracker
 */
import { seed, steps, unset } from './settings.js'
import * as storage from './storage.js'
import * as tracker from './tracker.js'

const comparisons = { storage, tracker }

type Name = keyof typeof comparisons

function isName(text: string): text is Name {
  return Object.hasOwn(comparisons, text)
}

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(comparisons)
for (const name of names) {
  if (!isName(name)) throw new Error(`${name}: not one of ${Object.keys(comparisons).join(', ')}`)
  const { compare, needs } = comparisons[name]
  const variable = unset(['FASTDFS_TRACKERS', 'FASTDFS_TEST_DESTRUCTIVE', ...needs])
  if (variable !== undefined) {
    console.log(`${name}: not run: ${variable} is not set`)
    continue
  }
  console.log(`${name}: seed ${seed}, ${steps} steps`)
  const differences = await compare()
  for (const difference of differences) console.log(difference)
  console.log(`${name}: ${differences.length === 0 ? 'no' : differences.length} differences`)
  if (differences.length > 0) process.exitCode = 1
}
