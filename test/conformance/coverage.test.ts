/** What of the client, and of protocol.md §3.8, is covered by which case of the suite. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as api from '../../src/index.js'

/** A file of this folder, and the title of a case in it. */
type Case = readonly [file: string, title: string]

/** Every method of the client, and of its parts. */
const METHODS: Readonly<Record<string, Case>> = {
  fromConfig: ['client', 'is made from a client.conf'],
  fromEnvironment: ['client', 'is made from the environment'],
  setTrackers: ['client', 'asks other trackers from now on'],
  uploadFile: ['files', 'gives a file ID that tells size, time and extension'],
  uploadFiles: ['client', 'carries out batches, with a result for each item'],
  resumableUpload: ['chunked', 'come from uploads that are interrupted and resumed'],
  resumeUpload: ['chunked', 'come from uploads that are interrupted and resumed'],
  uploadAppenderFile: ['appender', 'take the options of uploads'],
  uploadSlaveFile: ['slaves', 'have the ID that is known beforehand: %j, %j'],
  appendFile: ['appender', 'are appended to'],
  modifyFile: ['appender', 'are modified'],
  truncateFile: ['appender', 'are truncated, to the same size too, and to more'],
  regenerateAppenderFile: ['appender', 'become normal files with their metadata, but on V5'],
  downloadFile: ['files', 'gives the bytes that were uploaded'],
  downloadFiles: ['client', 'carries out batches, with a result for each item'],
  downloadStream: ['files', 'gives the range from %j of %j bytes, cut to the file'],
  deleteFile: ['files', 'deletes a file once'],
  deleteFiles: ['client', 'carries out batches, with a result for each item'],
  fileInfo: ['files', 'tells about a file what its storage knows'],
  fileExists: ['client', 'tells whether a file exists'],
  getMetadata: ['metadata', 'is {} where there is none'],
  getFilename: ['metadata', 'keeps the name of the file where that is wished'],
  setMetadata: ['metadata', 'is replaced as a whole, and removed by {}'],
  mergeMetadata: ['cluster', 'merge metadata'],
  ping: ['cluster', 'answer'],
  diagnose: ['client', 'finds nothing wrong with it'],
  stats: ['client', 'tells what it is doing'],
  close: ['client', 'refuses calls when it is closed'],
  'tracker.queryStore': ['cluster', 'tell where to upload to'],
  'tracker.queryStoreAll': ['cluster', 'tell where to upload to'],
  'tracker.queryFetch': ['cluster', 'tell where a file is'],
  'tracker.queryFetchAll': ['cluster', 'tell where a file is'],
  'tracker.queryUpdate': ['cluster', 'tell where a file is'],
  'admin.listGroups': ['cluster', 'list groups and storages'],
  'admin.listGroup': ['cluster', 'list groups and storages'],
  'admin.listStorages': ['cluster', 'list groups and storages'],
  'admin.deleteStorage': ['destructive', 'refuses to delete a storage that is alive'],
  'admin.deleteGroup': ['destructive', 'refuses to delete a group that has storages'],
  'admin.setTrunkServer': ['destructive', 'sets no trunk server while trunk files are off'],
  'admin.trackerStatus': ['cluster', 'tell of themselves'],
  'admin.leader': ['cluster', 'tell who leads'],
  'admin.clusterStatistics': [
    'cluster',
    'tell the statistics of the cluster since V6.16, and are said not to know them before',
  ],
  'admin.storageIds': ['cluster', 'tell the storage IDs, where they are used'],
  'admin.parameters': ['cluster', 'tell their parameters'],
}

/** Every row of protocol.md §3.8. */
const ROWS: Readonly<Record<string, readonly Case[]>> = {
  'bad group': [
    ['wire', '102 of an unknown group'],
    ['wire', 'another group'],
  ],
  'missing file': [
    ['wire', '102 of a missing file'],
    ['wire', 'a missing file: 12'],
    ['wire', 'a missing file: 14'],
    ['wire', 'a missing file: 22'],
    ['wire-changes', 'an append to a missing file'],
  ],
  'bad filename / traversal / lower-case dirs': [
    ['wire', '102 of 40 exclamation marks'],
    ['wire', 'a short name'],
    ['wire', 'a way out of the store'],
    ['wire', 'directories in lower case'],
  ],
  'store path index ≥ count (in name or upload)': [
    ['wire', 'a path index that is too high'],
    ['wire', 'an upload to a path that is not there'],
  ],
  'metadata of a missing file; metadata absent': [
    ['wire', 'a missing file: 13'],
    ['wire', 'a missing file: 15'],
    ['wire', 'no metadata'],
  ],
  'slave of a missing master': [['wire-changes', 'a missing master']],
  'slave exists': [['wire-changes', 'are named after their master: %j, %j']],
  'append / modify / truncate / regenerate of a non-appender': [
    ['wire-changes', 'an append to a normal file'],
    ['wire-changes', 'a modification of a normal file'],
    ['wire-changes', 'a truncation of a normal file'],
    ['wire-changes', 'become normal files, once; an unknown command to V5'],
  ],
  'truncate beyond size': [['wire-changes', 'are extended by zeros, but not up to V5.11']],
  'wrong body length': [
    ['wire', '104 with a short body'],
    ['wire', 'an upload that is shorter than it says'],
    ['wire', '22 without a name'],
  ],
  'unknown command': [
    ['wire', 'an unknown command of trackers'],
    ['wire', 'an unknown command of storages'],
  ],
  'BEAT etc. before JOIN': [
    ['wire', 'a beat of a storage that did not join'],
    ['wire', 'a disk report of a storage that did not join'],
  ],
}

const sources = new Map<string, string>()

function sourceOf(file: string): string {
  const known = sources.get(file) ?? readFileSync(join(__dirname, `${file}.test.ts`), 'utf8')
  sources.set(file, known)
  return known
}

function publicMethods(type: { prototype: object }): string[] {
  return Object.getOwnPropertyNames(type.prototype).filter((name) => name !== 'constructor')
}

const statics = Object.getOwnPropertyNames(api.FastDfsClient).filter(
  (name) => !['length', 'name', 'prototype'].includes(name),
)
const methods = [
  ...statics,
  ...publicMethods(api.FastDfsClient),
  ...publicMethods(api.TrackerClient).map((name) => `tracker.${name}`),
  ...publicMethods(api.AdminClient).map((name) => `admin.${name}`),
]

/** The conditions in the table of protocol.md §3.8. */
const conditions =
  /### 3\.8 [^]*?\n---/
    .exec(readFileSync(join(__dirname, '../../docs/protocol.md'), 'utf8'))?.[0]
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(1)
    .map((line) => line.split('|')[1]?.trim() ?? '') ?? []

it('every method of the client has a case, and every case a method', () => {
  expect(methods.length).toBeGreaterThan(30)
  expect(Object.keys(METHODS).sort()).toEqual([...methods].sort())
})

it.each(Object.entries(METHODS))('%s is called by its case', (method, [file, title]) => {
  expect(sourceOf(file)).toContain(`'${title}'`)
  expect(sourceOf(file)).toMatch(new RegExp(`\\b${method.split('.').at(-1)}\\(|\\b${method}\\b`))
})

it('every function of the default client has a case', () => {
  const functions = Object.keys(api).filter(
    (name) => name in api.FastDfsClient.prototype || /DefaultClient$/.test(name),
  )
  expect(functions.length).toBeGreaterThan(15)
  expect(functions.filter((name) => !sourceOf('client').includes(`api.${name}(`))).toEqual([])
})

it('every row of protocol.md §3.8 has cases, and every case a row', () => {
  expect(conditions.length).toBeGreaterThan(10)
  expect(Object.keys(ROWS)).toEqual(conditions)
})

it.each(Object.entries(ROWS))('§3.8: %s', (_, cases) => {
  for (const [file, title] of cases) expect(sourceOf(file)).toContain(`'${title}'`)
})
