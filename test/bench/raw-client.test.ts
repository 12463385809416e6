import { RawClient } from '../../bench/raw-client.js'
import { status } from '../client/fakes.js'
import { fakeServer } from '../support/fake-server.js'

it('a floor that is refused has as many connections as before', async () => {
  await using server = await fakeServer(() => status(22))
  const client = new RawClient([server.address])
  const refused = Array.from({ length: 200 }, () => client.query())
  const all = await Promise.allSettled(refused)
  expect(all.map((each) => each.status === 'rejected' && String(each.reason))).toEqual(
    Array<string>(200).fill('Error: status 22'),
  )
  await client.close()
})
