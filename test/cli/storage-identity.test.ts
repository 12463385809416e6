import { storageIdentity } from '../../src/cli/storage-identity.js'
import { ConfigError } from '../../src/errors.js'
import { PROFILES, Tracker } from '../../src/server/index.js'

const ENTRIES = [
  { id: '100002', group: 'group1', hosts: ['127.0.0.1'], port: 23001 },
  { id: '100003', group: 'group1', hosts: ['127.0.0.1'] },
]

// Before V6.16 a tracker tells no port where its list has none: as real ones of V6.12 and V5.11 were seen to.
describe.each(['V6.16', 'V6.12', 'V5.11'] as const)(
  'a storage that is told no ID by trackers of %s',
  (profile) => {
    let tracker: Tracker
    beforeEach(async () => {
      tracker = new Tracker({ dialect: PROFILES[profile], storageIds: ENTRIES })
      await tracker.start()
    })
    afterEach(() => tracker.stop())

    const identity = (group: string, port: number) =>
      storageIdentity([{ host: '127.0.0.1', port: tracker.port }], group, port)

    it.each([
      [23000, 100003],
      [23001, 100002],
    ])('with port %d takes that of its address: %d', async (port, id) => {
      expect(await identity('group1', port)).toMatchObject({ id, profile })
    })

    it('does not take that of another', async () => {
      await expect(identity('group2', 23000)).rejects.toThrow(ConfigError)
      await expect(identity('group2', 23000)).rejects.toThrow(
        'the trackers have no storage ID for 127.0.0.1:23000 in group2: name it by --id',
      )
    })
  },
)
