/**
 * The whole fault suite:
 *
 *     npm run test:faults -- [part of the names of cases]
 *
 * Every operation of the client, with every fault, at each of its requests. The cases are dealt out to several processes,
 * since time stands still for all of a process where a case wants it to. Prints how many cases ran, and ends with exit
 * code 1 when one failed or something was left behind.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import type { Report } from './lane.js'
import { CASES } from './run-case.js'

/** Processes; more than one a processor, since a case now and then waits for the cluster. */
const LANES = 4

const [part = ''] = process.argv.slice(2)
const cases = CASES.filter(({ name }) => name.includes(part))
const beganAt = Date.now()
const reports = await Promise.all(Array.from({ length: Math.min(LANES, cases.length) }, (_, i) => lane(i)))

const failures = reports.flatMap((report) => report.failures)
for (const failure of failures) console.error(`FAILED ${failure}`)
const ran = reports.reduce((sum, report) => sum + report.ran, 0)
if (ran !== cases.length) failures.push(`${cases.length - ran} cases did not run`)
const seconds = Math.round((Date.now() - beganAt) / 1000)
console.log(`${ran} cases of ${new Set(cases.map(({ operation }) => operation)).size} operations`)
console.log(`${Math.max(0, ran - failures.length)} passed, ${failures.length} failures in ${seconds} s`)
process.exitCode = failures.length === 0 ? 0 : 1

/** What comes of every case whose turn it is in this process. */
async function lane(index: number): Promise<Report> {
  const child = fork(fileURLToPath(new URL('lane.ts', import.meta.url)), [part, String(index), String(LANES)])
  const reported: Report[] = []
  child.on('message', (report: Report) => reported.push(report))
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
  return reported[0] ?? { ran: 0, failures: [`a process ended with ${code ?? signal}`] }
}
