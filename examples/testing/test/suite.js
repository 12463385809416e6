/** The tests, for any runner: what differs between runners is given. */
import assert from 'node:assert/strict'
import { startCluster } from 'fastdfs/testing'
import { Avatars } from '../avatars.js'

const image = Buffer.from('89504e470d0a1a0a', 'hex')

/**
 * @param {import('fastdfs/testing').Cluster} cluster
 * @param {{ stop(): void, go(): void }} clock - the fake timers of the runner
 */
export function avatarTests(cluster, it, clock) {
  it('keeps an avatar', async () => {
    const avatars = new Avatars(cluster.client())
    await avatars.put('ada', image)
    assert.deepEqual(await avatars.get('ada'), image)
    assert.equal(await avatars.get('bob'), undefined)
  })

  it('deletes the avatar before when there is a new one', async () => {
    const avatars = new Avatars(cluster.client())
    const first = await avatars.put('ada', image)
    await avatars.put('ada', Buffer.from('new'))
    assert.equal(await cluster.client().fileExists(first), false)
    assert.equal(cluster.requests.list({ command: 'deleteFile', from: 'clients' }).length, 1)
  })

  it('keeps the old avatar when the disk is full', async () => {
    const avatars = new Avatars(cluster.client())
    await avatars.put('ada', image)
    cluster.fault({ on: 'storage', command: 'uploadFile' }, { status: 28 })
    await assert.rejects(avatars.put('ada', Buffer.from('new')), { name: 'NoSpaceError' })
    assert.deepEqual(await avatars.get('ada'), image)
  })

  it('goes to the other tracker when one is away', async () => {
    const avatars = new Avatars(cluster.client())
    await cluster.trackers[0].kill()
    await avatars.put('ada', image)
    assert.deepEqual(await avatars.get('ada'), image)
  })

  it('works while the timers of the test are fake', async () => {
    clock.stop()
    try {
      const now = Date.now()
      const avatars = new Avatars(cluster.client())
      cluster.fault({ command: 'uploadFile' }, { delay: 5 })
      const asked = cluster.requests.next('uploadFile', { timeout: 10_000 })
      await avatars.put('ada', image)
      assert.equal((await asked).contentSize, image.length)
      assert.deepEqual(await avatars.get('ada'), image)
      await cluster.storage('group1').kill()
      await cluster.reset()
      const other = await startCluster({ trackers: 2, storages: 2 })
      await new Avatars(other.client()).put('ada', image)
      assert.equal((await other.stop()).text, '')
      assert.equal(Date.now(), now)
    } finally {
      clock.go()
    }
  })

  it('has none when the file was lost', async () => {
    const avatars = new Avatars(cluster.client())
    const id = await avatars.put('ada', image)
    await cluster.storage('group1').delete(id)
    assert.equal(await avatars.get('ada'), undefined)
  })
}
