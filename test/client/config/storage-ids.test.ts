import { parseStorageIds } from '../../../src/client/config/storage-ids.js'
import { configError } from './files.js'

const storage = (id: string, mode: string, port: number, ...hosts: string[]) => ({
  id,
  group: 'group1',
  hosts,
  port,
  mode,
})

it.each([
  ['V5.11', '# <id>  <group_name>  <ip_or_hostname>\n# 100001   group1  192.168.0.196\n', []],
  [
    'V6.06 and V6.9.5',
    '\n100001   group1  192.168.0.196\n100002   group1  192.168.0.197\n',
    [storage('100001', 'both', 23000, '192.168.0.196'), storage('100002', 'both', 23000, '192.168.0.197')],
  ],
  [
    'V6.16.1',
    '100001   group1  192.168.0.196\n100003   group1  [2409:8a20:42d:2f40:587a:4c47:72c0:ad8e]:23001  rw=none\n',
    [
      storage('100001', 'both', 23000, '192.168.0.196'),
      storage('100003', 'none', 23001, '2409:8a20:42d:2f40:587a:4c47:72c0:ad8e'),
    ],
  ],
])('reads the sample of %s', (_, text, expected) => {
  expect(parseStorageIds(text, 'ids')).toEqual(expected)
})

it.each([
  ['1\tgroup1 \t h1', storage('1', 'both', 23000, 'h1')],
  ['1 group1 10.0.0.1,1.2.3.4:1\r', storage('1', 'both', 1, '10.0.0.1', '1.2.3.4')],
  ['1 group1 [10.0.0.1,fd00::1]:1 RW=Both', storage('1', 'both', 1, '10.0.0.1', 'fd00::1')],
  ['1 group1 h rw=all', storage('1', 'both', 23000, 'h')],
  ['1 group1 h rw=read', storage('1', 'read', 23000, 'h')],
  ['1 group1 h rw=readonly', storage('1', 'read', 23000, 'h')],
  ['1 group1 h rw=write', storage('1', 'write', 23000, 'h')],
  ['1 group1 h rw=writeOnly', storage('1', 'write', 23000, 'h')],
  ['16777215 group1 h', storage('16777215', 'both', 23000, 'h')],
])('%j', (line, expected) => {
  expect(parseStorageIds(line, 'ids')).toEqual([expected])
})

it.each([
  ['1', 'expected id, group and address, not "1"'],
  ['1 group1', 'expected id, group and address, not "1 group1"'],
  ['0 group1 h', 'a storage ID is a number from 1 to 16777215, not "0"'],
  ['007 group1 h', 'a storage ID is a number from 1 to 16777215, not "007"'],
  ['16777216 group1 h', 'a storage ID is a number from 1 to 16777215, not "16777216"'],
  ['1 group_1 h', `a group's name is 1 to 16 letters and digits, not "group_1"`],
  // The sample of V6.12.2 has such a port.
  ['1 group1 [fd00::1]:100002', '"[fd00::1]:100002" is not an address host:port or [ipv6]:port'],
  ['1 group1 h rw=', 'expected rw=both, rw=read, rw=write or rw=none, not "rw="'],
  ['1 group1 h rw=constructor', 'expected rw=both, rw=read, rw=write or rw=none, not "rw=constructor"'],
  ['1 group1 h rw=read x', 'expected rw=both, rw=read, rw=write or rw=none, not "rw=read x"'],
])('%j is refused', (line, message) => {
  expect(configError(() => parseStorageIds(`# x\n${line}`, 'ids'))).toBe(`ids:2: ${message}`)
})

it.each([
  ['1 group1 h\n2 group1 i\n1 group2 j', 'ids:3: storage ID 1 stands in ids:1 already'],
  ['1 group1 h:1\n2 group1 h:2\n3 group2 i,h:1', 'ids:3: storage h port 1 stands in ids:1 already'],
])('%j names one twice', (text, message) => {
  expect(configError(() => parseStorageIds(text, 'ids'))).toBe(message)
})
