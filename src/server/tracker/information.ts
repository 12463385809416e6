/** What a tracker tells of its configuration (protocol.md §4.3). */
import { isAtLeast } from '../../protocol/dialect.js'
import type { TrackerHandlers } from './context.js'
import type { TrackerSettings } from './settings.js'

/** A key with the version that has brought it. */
type Parameter = readonly [key: string, value: string | number, since?: string]

/** Every key that a real tracker sends, in its order. Trunk files are off. */
function parametersOf(settings: TrackerSettings): readonly Parameter[] {
  const { dialect, reserved, idsInNames, storageIds, syncMaxDelay, storePath } = settings
  return [
    ['use_storage_id', storageIds === undefined ? 0 : 1],
    ['id_type_in_filename', idsInNames ? 'id' : 'ip'],
    ['trust_storage_server_id', 1, '6.11'],
    // Without this key storages since V6.15 would write 46-byte addresses.
    ['response_ip_addr_size', dialect.addressSize, '6.15'],
    ['storage_ip_changed_auto_adjust', 1],
    ['storage_sync_file_max_delay', syncMaxDelay],
    ['store_path', storePath === 'round-robin' ? 0 : 2],
    [
      'reserved_storage_space',
      isAtLeast(dialect, '6.9') ? reserved.text : reserved.text.replace('MB', ' MB'),
    ],
    ['use_trunk_file', 0],
    ['slot_min_size', 256],
    ['slot_max_size', isAtLeast(dialect, '6') ? 8_388_608 : 33_554_432],
    ['trunk_alloc_alignment_size', 0, '6.05'],
    ['trunk_file_size', 67_108_864],
    ['trunk_create_file_advance', 0],
    ['trunk_create_file_time_base', '02:00'],
    ['trunk_create_file_interval', 86_400],
    ['trunk_create_file_space_threshold', 0],
    ['trunk_init_check_occupying', 0],
    ['trunk_init_reload_from_binlog', 0],
    ['trunk_free_space_merge', 0, '6.05'],
    ['delete_unused_trunk_files', 0, '6.05'],
    ['trunk_compress_binlog_min_interval', 0],
    ['trunk_compress_binlog_interval', 0, '6.05'],
    ['trunk_compress_binlog_time_base', '03:00', '6.05'],
    ['trunk_binlog_max_backups', 0, '6.05'],
    ['store_slave_file_use_link', 0],
  ]
}

/** See the file's head. */
export const informationHandlers: TrackerHandlers = {
  activeTest: () => ({}),

  parameterReq: (_, { context: { cluster } }) => ({
    parameters: parametersOf(cluster.settings)
      .filter(([, , since = '5']) => isAtLeast(cluster.settings.dialect, since))
      .map(([key, value]) => `${key}=${value}\n`)
      .join(''),
  }),
}
