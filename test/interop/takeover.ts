/**
 * One storage's folder, held by turns by `fastdfs storage` and by a real `fdfs_storaged`, at one address and with one
 * configuration: whoever takes it over must become ACTIVE with all its files, go on with its binlog, its marks and its
 * counters, pass on what the one before could not, and pass on nothing twice. A real storage is its peer throughout, an
 * embedded one joins in the end.
 *
 *   node --import tsx test/interop/takeover.ts
 *
 * Takes daemons and samples as members.ts does.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { appendBody, GROUP, metadataBody, uploadBody } from '../server/group.js'
import { bytes } from '../server/raw.js'
import { active, ask, change, type Changed, make, PORT } from './changes.js'
import {
  FDFS_STORAGED,
  FDFS_TRACKERD,
  filesIn,
  folder,
  HERE,
  linksIn,
  missing,
  type Namespace,
  PEER,
  runCases,
  startDaemon,
  stopDaemon,
  STORAGE,
  TRACKER,
  until,
} from './daemons.js'
import { ending, missingSamples, startMember, stopMember, storageConf, trackerConf } from './own-member.js'

type Kind = 'real' | 'embedded'
/** Ends a member. */
type Stop = () => Promise<void>

/** The folder that is handed over, and that of its peer. */
const [NAME, PEER_NAME, THIRD_NAME] = ['storage', 'peer', 'third']
const IDS: Readonly<Record<string, number>> = { [STORAGE]: 100_001, [PEER]: 100_002, [HERE]: 100_003 }

const filesOf = (name: string): Record<string, string> => filesIn(join(folder, name, 'data'))
const own = (file: string): string => readFileSync(join(folder, NAME, 'data', file), 'latin1')

/** A group under one tracker. */
class Group {
  readonly #tracker: string
  readonly #withIds: boolean

  constructor(tracker: string, withIds: boolean) {
    this.#tracker = tracker
    this.#withIds = withIds
  }

  /** Starts a storage, and waits until it is ACTIVE. */
  async start(kind: Kind, name: string, address: string, namespace?: Namespace): Promise<Stop> {
    const conf = storageConf(address === HERE ? HERE : '', join(folder, name), this.#tracker)
    let stop: Stop
    if (kind === 'real') {
      const daemon = startDaemon(namespace as Namespace, FDFS_STORAGED, name, conf)
      stop = () => Promise.resolve(stopDaemon(daemon))
    } else {
      const member = await startMember('storage', name, conf, namespace)
      stop = async () => {
        const code = await stopMember(member)
        if (code !== 0) throw new Error(`exit code ${String(code)}`)
      }
    }
    await active(this.#tracker, this.#withIds ? (IDS[address] as number) : address)
    return stop
  }
}

async function settle(what: string, ...names: string[]): Promise<void> {
  const differing = (): string[] =>
    names.flatMap((name) => {
      const [held, other] = [filesOf(NAME), filesOf(name)]
      const all = [...new Set([...Object.keys(held), ...Object.keys(other)])]
      return all
        .filter((file) => held[file] !== other[file])
        .map(
          (file) => `${file}: ${held[file]?.slice(0, 40)} here, ${other[file]?.slice(0, 40)} at the ${name}`,
        )
    })
  try {
    await until(`${names.join(' and ')} hold the same files: ${what}`, () => differing().length === 0)
  } catch (error) {
    throw new Error(differing().join('\n'), { cause: error })
  }
  const [files, links] = [filesOf(NAME), linksIn(join(folder, NAME, 'data'))]
  console.log(`  ${Object.keys(files).length} files, ${Object.keys(links).length} of them links`)
}

/** No file may come twice, nor go. A change in place may: two of one second are passed on alike where it goes whole. */
function expectOnce(name: string): void {
  const lines = readFileSync(join(folder, name, 'data/sync/binlog.000'), 'latin1').split('\n')
  const twice = lines.filter((line, i) => /^\d+ [CDLR] /i.test(line) && lines.indexOf(line) !== i)
  if (twice.length > 0) throw new Error(`twice in the binlog of ${name}:\n${twice.join('\n')}`)
}

const uploadsIn = (text: string): number => Number(/^success_upload_count=(\d+)$/m.exec(text)?.[1])

/** Serves all its files. */
async function serves(): Promise<void> {
  for (const [name, content] of Object.entries(filesOf(NAME))) {
    const body = bytes(Buffer.alloc(16), GROUP, `M00/${name}`)
    const { status, body: got } = await ask(STORAGE, PORT, 14, body)
    const isRight = content === '' ? status === 22 || status === 0 : status === 0
    if (!isRight || got.toString('latin1') !== content) throw new Error(`${name}: status ${status}`)
  }
}

/** Changes what was made before. */
async function changeAgain({ normal, appender }: Changed, text: string): Promise<void> {
  await make(STORAGE, 24, appendBody(appender, text))
  await make(STORAGE, 13, metadataBody(normal, 'O', `held\x02${text}`))
}

/** `first` holds the folder, then the other kind, and so on. */
async function handOver(group: Group, first: Kind): Promise<void> {
  const peer = (): Promise<Stop> => group.start('real', PEER_NAME, PEER, 'p')
  const hold = (kind: Kind): Promise<Stop> => group.start(kind, NAME, STORAGE, 's')
  const kinds: Kind[] =
    first === 'real' ? ['real', 'embedded', 'real', 'embedded'] : ['embedded', 'real', 'embedded']
  let stop = await hold(first)
  let made = await change(STORAGE, first === 'real')
  let stopPeer = await peer()
  await change(PEER, first === 'real')
  await settle('at first', PEER_NAME)
  for (const kind of kinds.slice(1)) {
    console.log(`  ${kind} takes over`)
    // What it cannot pass on any more.
    await stopPeer()
    await changeAgain(made, kind)
    const removed = made.slave
    made = await change(STORAGE, true)
    await make(STORAGE, 12, bytes(GROUP, removed))
    await stop()
    const binlog = own('sync/binlog.000')
    const uploads = uploadsIn(own('storage_stat.dat'))
    stopPeer = await peer()
    await change(PEER, true)
    stop = await hold(kind)
    await settle(`${kind} has taken over`, PEER_NAME)
    await serves()
    if (!own('sync/binlog.000').startsWith(binlog)) throw new Error('the binlog is another')
    await changeAgain(made, 'after')
    await make(STORAGE, 11, uploadBody('one more'))
    await settle('it goes on', PEER_NAME)
    expectOnce(NAME)
    expectOnce(PEER_NAME)
    await until('it has counted on', () => uploadsIn(own('storage_stat.dat')) === uploads + 1)
  }
  console.log('  a third one joins')
  await group.start('embedded', THIRD_NAME, HERE)
  await settle('the third one, too', PEER_NAME, THIRD_NAME)
}

const idsFile = (): string => {
  const path = join(folder, 'storage_ids.conf')
  writeFileSync(
    path,
    Object.entries(IDS)
      .map(([address, id]) => `${id} group1 ${address}\n`)
      .join(''),
  )
  return path
}

function realTracker(withIds: boolean): Group {
  startDaemon('t', FDFS_TRACKERD, 'tracker', trackerConf('', withIds ? idsFile() : undefined))
  return new Group(TRACKER, withIds)
}

async function ownTracker(withIds: boolean): Promise<Group> {
  await startMember('tracker', 'own-tracker', trackerConf(HERE, withIds ? idsFile() : undefined))
  return new Group(HERE, withIds)
}

const reason = missing() ?? missingSamples()
if (reason === undefined) {
  await runCases([
    ['embedded, then real: a real tracker', ending(() => handOver(realTracker(false), 'embedded'))],
    ['real, then embedded: a real tracker', ending(() => handOver(realTracker(false), 'real'))],
    [
      'embedded, then real: a real tracker, storage IDs',
      ending(() => handOver(realTracker(true), 'embedded')),
    ],
    [
      'real, then embedded: an embedded tracker, storage IDs',
      ending(async () => handOver(await ownTracker(true), 'real')),
    ],
  ])
} else console.log(`not run: ${reason}`)
