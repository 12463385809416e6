import { checkedName } from '../../src/server/storage/logic-name.js'

jest.mock('node:path', () => jest.requireActual<{ win32: object }>('node:path').win32)

it('lets no name lead out of its directory on Windows', () => {
  expect(checkedName('M00/00/00/..\\..\\..\\secret', 1)).toBeUndefined()
  expect(checkedName('M00/00/00/secret.txt', 1)).toBe('M00/00/00/secret.txt')
})
