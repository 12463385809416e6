import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'

import { InvalidArgumentError } from '../../src/errors.js'
import { startCluster } from '../../src/testing/index.js'

it.each([
  ['trackers', 17],
  ['groups', 513],
  ['storages', 33],
  ['storages', 0],
  ['trackers', 1.5],
])('refuses %s: %d', async (name, count) => {
  await expect(startCluster({ [name]: count })).rejects.toThrow(name)
  await expect(startCluster({ [name]: count })).rejects.toThrow(InvalidArgumentError)
})

it('leaves nothing behind when a member cannot start', async () => {
  const rival = createServer().listen(0, '127.0.0.1')
  await once(rival, 'listening')
  const { port } = rival.address() as AddressInfo
  await expect(startCluster({ trackers: 2, ports: { trackers: port - 1 } })).rejects.toMatchObject({
    code: 'FDFS_CONNECT',
  })
  const socket = connect(port - 1, '127.0.0.1')
  await expect(once(socket, 'connect')).rejects.toThrow('ECONNREFUSED')
  rival.close()
})
