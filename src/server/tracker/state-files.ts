/** A tracker's state as text: the files that a real one keeps in its `data` folder. */
import { isIP } from 'node:net'
import { limits } from '../../protocol/index.js'
import { Items } from '../items.js'
import type { StorageStats } from '../storage-stats.js'
import { emptyStats } from '../storage-stats.js'
import type { Cluster } from './cluster.js'
import type { Group } from './group.js'
import type { Member } from './member.js'
import { newMember } from './member.js'
import { isGroupName, isStorageId } from '../names.js'
import { GONE, WAITING } from '../status-sets.js'
import { idOfAddress, RW_MODE } from './storage-ids.js'

const { OFFLINE } = limits.STORAGE_STATUS

/** A file of the state. */
export interface StateFile {
  readonly name: string
  readonly text: string
}

/** The files by the index that 63 asks for (protocol.md §4.7). */
export const STATE_FILES = [
  'storage_groups_new.dat',
  'storage_servers_new.dat',
  'storage_sync_timestamp.dat',
  'storage_changelog.dat',
] as const

/** The counters that are kept, under the names that real trackers give them, in their order. */
const COUNTERS: readonly (readonly [key: string, name: keyof StorageStats])[] = [
  ['total_upload_count', 'totalUpload'],
  ['success_upload_count', 'successUpload'],
  ['total_append_count', 'totalAppend'],
  ['success_append_count', 'successAppend'],
  ['total_set_meta_count', 'totalSetMetadata'],
  ['success_set_meta_count', 'successSetMetadata'],
  ['total_delete_count', 'totalDelete'],
  ['success_delete_count', 'successDelete'],
  ['total_download_count', 'totalDownload'],
  ['success_download_count', 'successDownload'],
  ['total_get_meta_count', 'totalGetMetadata'],
  ['success_get_meta_count', 'successGetMetadata'],
  ['total_create_link_count', 'totalCreateLink'],
  ['success_create_link_count', 'successCreateLink'],
  ['total_delete_link_count', 'totalDeleteLink'],
  ['success_delete_link_count', 'successDeleteLink'],
  ['total_upload_bytes', 'totalUploadBytes'],
  ['success_upload_bytes', 'successUploadBytes'],
  ['total_append_bytes', 'totalAppendBytes'],
  ['success_append_bytes', 'successAppendBytes'],
  ['total_download_bytes', 'totalDownloadBytes'],
  ['success_download_bytes', 'successDownloadBytes'],
  ['total_sync_in_bytes', 'totalSyncInBytes'],
  ['success_sync_in_bytes', 'successSyncInBytes'],
  ['total_sync_out_bytes', 'totalSyncOutBytes'],
  ['success_sync_out_bytes', 'successSyncOutBytes'],
  ['total_file_open_count', 'totalFileOpen'],
  ['success_file_open_count', 'successFileOpen'],
  ['total_file_read_count', 'totalFileRead'],
  ['success_file_read_count', 'successFileRead'],
  ['total_file_write_count', 'totalFileWrite'],
  ['success_file_write_count', 'successFileWrite'],
  ['last_source_update', 'lastSourceUpdate'],
  ['last_sync_update', 'lastSyncUpdate'],
]

/** The state now, in the order of {@link STATE_FILES}. */
export function stateFiles(cluster: Cluster): readonly StateFile[] {
  const texts = [groupsText(cluster), serversText(cluster), timestampsText(cluster), cluster.changelog.text]
  return STATE_FILES.map((name, index) => ({ name, text: texts[index] ?? '' }))
}

/** Takes over a state from the texts of its files, in the order of {@link STATE_FILES}; those that are missing are empty. */
export function loadState(cluster: Cluster, texts: readonly (string | undefined)[]): void {
  const [groups = '', servers = '', timestamps = '', changelog = ''] = texts
  cluster.clear()
  for (const section of sectionsOf(groups, 'Group')) {
    const name = section.text('group_name')
    if (!isGroupName(name)) continue
    cluster.obtain(name).settings = {
      storagePort: numberIn(section, 'storage_port'),
      storageHttpPort: numberIn(section, 'storage_http_port'),
      storePathCount: numberIn(section, 'store_path_count'),
      subdirCountPerPath: numberIn(section, 'subdir_count_per_path'),
    }
  }
  for (const section of sectionsOf(servers, 'Storage')) {
    const group = cluster.find(section.text('group_name'))
    if (group !== undefined) loadMember(cluster, group, section)
  }
  loadTimestamps(cluster, timestamps)
  cluster.changelog.text = changelog
}

function groupsText({ groups }: Cluster): string {
  const sections = groups.map(({ name, settings }, index) => [
    `# group: ${name}`,
    `[Group${number(index)}]`,
    `\tgroup_name=${name}`,
    `\tstorage_port=${settings.storagePort}`,
    `\tstorage_http_port=${settings.storageHttpPort}`,
    `\tstore_path_count=${settings.storePathCount}`,
    `\tsubdir_count_per_path=${settings.subdirCountPerPath}`,
    '\tcurrent_trunk_file_id=0',
    '\ttrunk_server=',
    '\tlast_trunk_server=',
    '',
  ])
  return ['[Global]', `\tgroup_count=${groups.length}`, '', ...sections.flat(), ''].join('\n')
}

function serversText(cluster: Cluster): string {
  const members = cluster.groups.flatMap((group) => keptOf(group).map((member) => ({ group, member })))
  const sections = members.map(({ group, member }, index) => [
    `# storage: ${member.currentIp}:${member.port}`,
    `[Storage${number(index)}]`,
    ...(cluster.storageIds === undefined ? [] : [`\tid=${member.id}`]),
    `\tgroup_name=${group.name}`,
    `\tip_addr=${member.currentIp}`,
    `\tstatus=${member.status}`,
    `\tversion=${member.version}`,
    `\tjoin_time=${member.joinTime}`,
    `\tstorage_port=${member.port}`,
    `\tstorage_http_port=${member.httpPort}`,
    `\tdomain_name=${member.domainName}`,
    `\tsync_src_server=${member.syncSourceId}`,
    `\tsync_until_timestamp=${member.syncUntil}`,
    `\ttotal_mb=${member.space.totalMb}`,
    `\tfree_mb=${member.space.freeMb}`,
    `\tchangelog_offset=${member.changelogOffset}`,
    `\tstore_path_count=${member.storePathCount}`,
    `\tsubdir_count_per_path=${member.subdirCountPerPath}`,
    `\tupload_priority=${member.uploadPriority}`,
    ...COUNTERS.map(([key, name]) => `\t${key}=${member.stats?.[name] ?? 0}`),
    `\tlast_synced_timestamp=${member.lastSynced}`,
    `\tlast_heart_beat_time=${member.lastBeat}`,
    '',
  ])
  return [...sections.flat(), '', '[Global]', `\tstorage_count=${members.length}`, ''].join('\n')
}

function loadMember({ storageIds, settings }: Cluster, group: Group, section: Items): void {
  const ip = section.text('ip_addr')
  const port = numberIn(section, 'storage_port')
  const id = storageIds === undefined ? idOfAddress(ip, settings.dialect) : section.text('id')
  if (isIP(ip) === 0 || (storageIds !== undefined && !isStorageId(id))) return
  const entry = storageIds?.find(id)
  // A storage that is not in the list any more cannot join either.
  if (storageIds?.learned === false && entry === undefined) return
  storageIds?.learn(id, group.name, ip, port)
  const { ips = [ip], rwMode = RW_MODE.BOTH } = entry ?? {}
  const member = newMember({ id, ips, currentIp: ip, port, rwMode, status: numberIn(section, 'status') })
  // Whoever was there before the restart has to join again.
  if (!WAITING.includes(member.status)) member.status = OFFLINE
  member.version = section.text('version')
  member.httpPort = numberIn(section, 'storage_http_port')
  member.domainName = section.text('domain_name')
  member.joinTime = numberIn(section, 'join_time')
  member.syncSourceId = section.text('sync_src_server')
  member.syncUntil = numberIn(section, 'sync_until_timestamp')
  member.space = { totalMb: numberIn(section, 'total_mb'), freeMb: numberIn(section, 'free_mb') }
  member.changelogOffset = numberIn(section, 'changelog_offset')
  member.storePathCount = numberIn(section, 'store_path_count')
  member.subdirCountPerPath = numberIn(section, 'subdir_count_per_path')
  member.uploadPriority = numberIn(section, 'upload_priority')
  member.lastSynced = numberIn(section, 'last_synced_timestamp')
  member.lastBeat = numberIn(section, 'last_heart_beat_time')
  const counters = Object.fromEntries(COUNTERS.map(([key, name]) => [name, numberIn(section, key)]))
  member.stats = { ...emptyStats(), ...counters }
  group.add(member)
}

/** A line for each source: its group and ID, then up to when its files have arrived at each storage. */
function timestampsText(cluster: Cluster): string {
  return cluster.groups
    .flatMap((group) => {
      const members = keptOf(group)
      return members.map(({ id }) => [
        group.name,
        id,
        ...members.map(({ syncedFrom }) => syncedFrom.get(id) ?? 0),
      ])
    })
    .map((line) => `${line.join()}\n`)
    .join('')
}

function loadTimestamps({ groups, settings }: Cluster, text: string): void {
  for (const line of text.split('\n')) {
    const [groupName, sourceId = '', ...times] = line.split(',')
    const members = groups.find(({ name }) => name === groupName)?.members ?? []
    members.forEach(({ syncedFrom }, index) => {
      const time = Number(times[index] ?? 0)
      if (time > 0) syncedFrom.set(sourceId, time)
    })
  }
  const worst = settings.storeServer === 'round-robin' ? Math.min : Math.max
  // What was said last by some sources is forgotten: this is said by all (protocol.md §6, `last_synced`).
  for (const { members } of groups) {
    if (members.length === 1) continue
    for (const member of members) {
      const times = [...member.syncedFrom].filter(([id]) => id !== member.id).map(([, time]) => time)
      member.lastSynced = times.length === 0 ? 0 : worst(...times)
    }
  }
}

/** Those that are gone for good are known up to the next start only, as with real trackers. */
function keptOf({ members }: Group): readonly Member[] {
  return members.filter(({ status }) => !GONE.includes(status))
}

function number(index: number): string {
  return String(index + 1).padStart(3, '0')
}

function numberIn(section: Items, key: string): number {
  return section.number(key) ?? 0
}

/** The sections whose names begin with `prefix` and end with a number, in their order. */
function sectionsOf(text: string, prefix: string): readonly Items[] {
  return text
    .split(/^\s*(?=\[)/m)
    .filter((section) => new RegExp(`^\\[${prefix}\\d+\\]`).test(section))
    .map((section) => new Items(section))
}
