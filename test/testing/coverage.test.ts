/** Which case has seen each fault, each handle and each finding of a leak report: none may be without. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Cluster } from '../../src/testing/index.js'
import type { FaultEffect, FaultMatch, LeakReport } from '../../src/testing/index.js'
import { StorageHandle, TrackerHandle } from '../../src/testing/members.js'
import type { StorageMember, TrackerMember } from '../../src/testing/index.js'

/** A file of this folder, and the title of a case in it. */
type Case = readonly [file: string, title: string]

const EFFECTS: Readonly<Record<keyof FaultEffect, Case>> = {
  status: ['faults', 'is answered with a status, and not carried out'],
  refuse: ['faults', 'are refused, while those open go on'],
  silence: ['faults', 'are silent, old and new, and go on when the fault is removed'],
  hang: ['faults', 'hangs, but is carried out'],
  stopReading: ['faults', 'is not read any more'],
  delay: ['faults', 'is delayed, on its way there or back'],
  cutAfter: ['faults', 'is cut behind some bytes with a reset'],
  halfCloseAfter: ['faults', 'ends with a FIN behind some bytes, and the other side stays open'],
  chunk: ['faults', 'comes byte by byte'],
  bytesPerSecond: ['faults', 'comes slowly'],
  garbage: ['faults', 'is garbage'],
  length: ['faults', 'says a wrong length'],
  dir: ['faults', 'is cut on its way, and not carried out'],
}

const MATCHES: Readonly<Record<keyof FaultMatch, Case>> = {
  on: ['faults', 'is about one member, by its handle or its name'],
  from: ['faults', 'is that made first, of several that match, and ends with its block'],
  command: ['faults', 'is answered with a status in its turn, between others sent with it'],
  skip: ['faults', 'counts its hits, skips the first ones and stops after the last'],
  times: ['faults', 'counts its hits, skips the first ones and stops after the last'],
}

const TRACKER: Readonly<Record<keyof TrackerMember, Case>> = {
  name: ['faults', 'is about one member, by its handle or its name'],
  host: ['addresses', 'have addresses of their own, which stand in the names of files'],
  port: ['members', 'keeps its files over a stop, loses them by a kill, and has the same port'],
  state: [
    'observing',
    'starts members that were stopped, killed or paused, and lets go of those held to a status',
  ],
  start: ['members', 'comes back after a kill, and the storages join it again'],
  stop: ['runners', 'starts, stores, waits, delays and stops, while the clock of the test stands still'],
  kill: ['members', 'comes back after a kill, and the storages join it again'],
  pause: ['members', 'is passed over while it is paused'],
  resume: ['members', 'is passed over while it is paused'],
}

const STORAGE: Readonly<Record<keyof StorageMember, Case>> = {
  ...TRACKER,
  start: ['members', 'keeps its files over a stop, loses them by a kill, and has the same port'],
  stop: ['members', 'says goodbye when it is stopped, and nothing when it is killed'],
  kill: ['members', 'finds its files on disk after a kill'],
  pause: ['members', 'is silent while it is paused, and answers what has waited'],
  resume: ['members', 'is silent while it is paused, and answers what has waited'],
  group: ['members', 'takes in trackers, storages and groups'],
  id: ['members', 'takes in trackers, storages and groups'],
  whenActive: ['members', 'finds its files on disk after a kill'],
  setStatus: ['members', 'is held to a status, beats or not, until it is let go'],
  setFreeSpace: ['members', 'reports its free space at once, and refuses what does not fit'],
  files: ['members', 'shows its files, spoils and loses them'],
  stat: ['members', 'shows its files, spoils and loses them'],
  read: ['members', 'shows its files, spoils and loses them'],
  corrupt: ['members', 'shows its files, spoils and loses them'],
  delete: ['members', 'shows its files, spoils and loses them'],
}

const CLUSTER: Readonly<Record<string, Case>> = {
  trackers: ['members', 'lets trackers and storages go'],
  storages: ['members', 'takes in trackers, storages and groups'],
  seeded: ['observing', 'brings the seed back'],
  requests: ['observing', 'holds requests and answers, decoded'],
  storage: ['members', 'lets trackers and storages go'],
  http: ['storage-http', 'is there when it was asked for only'],
  hasHttp: ['storage-http', 'is there when it was asked for only'],
  clientOptions: ['observing', 'drops files, faults, history and counters; ports and clients stay'],
  client: ['members', 'shows its files, spoils and loses them'],
  env: ['cluster', 'tells other processes where it is'],
  clientConf: ['cluster', 'tells other processes where it is'],
  fault: ['faults', 'hangs, but is carried out'],
  partition: ['faults', 'of clients are parted from a member, those of members are not'],
  unusedFaults: ['faults', 'that never happened is told of, removed or not'],
  record: ['observing', 'has the form of the captures, and decodes'],
  stats: ['members', 'answers as it did before after a request that was cut off by a kill'],
  addTracker: ['members', 'takes in trackers, storages and groups'],
  addGroup: ['members', 'takes in trackers, storages and groups'],
  addStorage: ['members', 'takes in trackers, storages and groups'],
  remove: ['members', 'lets trackers and storages go'],
  replicate: ['replication', 'tell each other when they are told to'],
  reset: ['observing', 'leaves nothing, however often it is made'],
  stop: ['observing', 'is nothing where all is closed'],
}

const LEAKS: Readonly<Record<keyof LeakReport, Case>> = {
  connections: ['observing', 'is found: a client that nobody closed, a call, a wait and a fault'],
  calls: ['observing', 'is found: a client that nobody closed, a call, a wait and a fault'],
  unusedFaults: ['observing', 'is found: a client that nobody closed, a call, a wait and a fault'],
  waits: ['observing', 'is found: a client that nobody closed, a call, a wait and a fault'],
  text: ['observing', 'is found: a client that nobody closed, a call, a wait and a fault'],
}

/** The text of a case: from its title to the next case. */
function textOf([file, title]: Case): string {
  const source = readFileSync(join(__dirname, `${file}.test.ts`), 'utf8')
  const from = source.indexOf(`'${title}'`)
  if (from < 0) throw new Error(`there is no case ${JSON.stringify(title)} in ${file}.test.ts`)
  const next = /\n {0,2}(it|describe)\b/.exec(source.slice(from))
  return source.slice(from, next === null ? undefined : from + next.index)
}

function publicNames({ prototype }: { prototype: object }, hidden: readonly string[]): string[] {
  return Object.getOwnPropertyNames(prototype).filter(
    (name) => name !== 'constructor' && !hidden.includes(name),
  )
}

it.each([
  ['effect', Object.entries(EFFECTS)],
  ['match', Object.entries(MATCHES)],
  ['tracker handle', Object.entries(TRACKER)],
  ['storage handle', Object.entries(STORAGE)],
  ['cluster', Object.entries(CLUSTER)],
  ['leak report', Object.entries(LEAKS)],
] as const)('every name of a %s stands in its case', (_, cases) => {
  const missing = cases.filter(([name, where]) => !new RegExp(`\\b${name}\\b`).test(textOf(where)))
  expect(missing.map(([name, [file, title]]) => `${name} in ${file}: ${title}`)).toEqual([])
})

// That the faults, matches, handles and findings above are all there are is seen by the compiler, but for these:
it('a cluster has no method without a case', () => {
  expect(publicNames(Cluster, ['start']).sort()).toEqual(Object.keys(CLUSTER).sort())
  const inner = ['party', 'holdStatus', 'setTrackers', 'keepFiles', 'rest', 'reset', 'replicate']
  expect(Object.keys(TRACKER)).toEqual(expect.arrayContaining(publicNames(TrackerHandle, inner)))
  expect(Object.keys(STORAGE)).toEqual(expect.arrayContaining(publicNames(StorageHandle, inner)))
})
