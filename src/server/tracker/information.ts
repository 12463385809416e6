/** What a tracker tells of itself and of its configuration (protocol.md §2.5, §4.3). */
import { STATUS } from '../../errors.js'
import { unixSeconds } from '../clock.js'
import type { TrackerHandlers } from './context.js'

/** Running times are told in steps of this many seconds. */
const TIME_STEP = 300

/** §4.3: what a storage must know, with every key that a real tracker of V6.16.1 sends, in its order. */
const PARAMETERS = [
  'use_storage_id=1',
  'id_type_in_filename=id',
  'trust_storage_server_id=1',
  // Without this key storages since V6.15 would write 46-byte addresses.
  'response_ip_addr_size=16',
  'storage_ip_changed_auto_adjust=1',
  'storage_sync_file_max_delay=86400',
  'store_path=0',
  'reserved_storage_space=0.00%',
  'use_trunk_file=0',
  'slot_min_size=256',
  'slot_max_size=8388608',
  'trunk_alloc_alignment_size=0',
  'trunk_file_size=67108864',
  'trunk_create_file_advance=0',
  'trunk_create_file_time_base=02:00',
  'trunk_create_file_interval=86400',
  'trunk_create_file_space_threshold=0',
  'trunk_init_check_occupying=0',
  'trunk_init_reload_from_binlog=0',
  'trunk_free_space_merge=0',
  'delete_unused_trunk_files=0',
  'trunk_compress_binlog_min_interval=0',
  'trunk_compress_binlog_interval=0',
  'trunk_compress_binlog_time_base=03:00',
  'trunk_binlog_max_backups=0',
  'store_slave_file_use_link=0',
  '',
].join('\n')

/** See the file's head. */
export const informationHandlers: TrackerHandlers = {
  activeTest: () => ({}),

  parameterReq: () => ({ parameters: PARAMETERS }),

  trackerGetStatus: (_, { context }) => {
    if (context.cluster.groups.length === 0) return STATUS.ENOENT
    const running = unixSeconds(context.cluster.clock) - context.startedAt
    return {
      isLeader: context.cluster.trackers.leads,
      runningTime: running - (running % TIME_STEP),
      restartInterval: 0,
    }
  },

  storageGetMyIp: (_, { context }) => ({ ip: context.peerIp }),
}
