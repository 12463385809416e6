import { isConnectionString, parseConnectionString } from '../../../src/client/config/connection-string.js'
import { configError } from './files.js'

const H1 = { hosts: ['h1'], port: 22122 }

it.each([
  ['fdfs://h1', { trackers: [H1] }],
  ['FDFS://h1/', { trackers: [H1] }],
  [
    ' fdfs://h1:1,h2:2/group3 ',
    {
      trackers: [
        { hosts: ['h1'], port: 1 },
        { hosts: ['h2'], port: 2 },
      ],
      group: 'group3',
    },
  ],
  ['fdfs://h1,h1:22122', { trackers: [H1] }],
  [
    'fdfs://[2001:db8::1]:1,[fd00::1,10.0.0.1]:2,[::1]/g',
    {
      trackers: [
        { hosts: ['2001:db8::1'], port: 1 },
        { hosts: ['fd00::1', '10.0.0.1'], port: 2 },
        { hosts: ['::1'], port: 22122 },
      ],
      group: 'g',
    },
  ],
  [
    'fdfs://h1/group3?connectTimeout=2000&retries=0&verify=false&extPolicy=cut&metadataEncoding=gbk',
    {
      trackers: [H1],
      group: 'group3',
      connectTimeout: 2000,
      retries: 0,
      verify: false,
      extPolicy: 'cut',
      metadataEncoding: 'gbk',
    },
  ],
  ['fdfs://h1?trackerCache=500&readFrom=source', { trackers: [H1], trackerCache: 500, readFrom: 'source' }],
  ['fdfs://h1?maxQueue=5', { trackers: [H1], maxQueue: 5 }],
  [
    'fdfs://h1?minConnections=2&maxConnectionAge=3',
    { trackers: [H1], minConnections: 2, maxConnectionAge: 3 },
  ],
  ['fdfs://h1/%67roup1', { trackers: [H1], group: 'group1' }],
  [
    'fdfs://h1/?storageAddressMap=10.0.0.0/8=gateway,h:1=i%3A2',
    { trackers: [H1], storageAddressMap: { '10.0.0.0/8': 'gateway', 'h:1': 'i:2' } },
  ],
  [
    'fdfs://h1?idleTimeout=1&timeout=2&retryDeadline=3&maxConnections=4&queueTimeout=5&idleConnectionTtl=6.5&maxBufferBytes=7',
    {
      trackers: [H1],
      idleTimeout: 1,
      timeout: 2,
      retryDeadline: 3,
      maxConnections: 4,
      queueTimeout: 5,
      idleConnectionTtl: 6.5,
      maxBufferBytes: 7,
    },
  ],
])('%s', (text, expected) => {
  expect(parseConnectionString(text)).toEqual(expected)
})

const FORM = 'a connection string is fdfs://host:port,host:port/group?option=value, without a user'

it.each([
  ['h1', FORM],
  ['http://h1', FORM],
  ['fdfs://', FORM],
  ['fdfs:///group1', FORM],
  ['fdfs://me:secret@h1', FORM],
  ['fdfs://h1#x', FORM],
  ['fdfs://h1,', 'connection string: "" is not an address host:port or [ipv6]:port: it has no host'],
  [
    'fdfs://h1:70000',
    'connection string: "h1:70000" is not an address host:port or [ipv6]:port: its port is not 1 to 65535',
  ],
  ['fdfs://h1/a/b', `connection string: a group's name is 1 to 16 letters and digits, not "a/b"`],
  ['fdfs://h1/%zz', `connection string: a group's name is 1 to 16 letters and digits, not "%zz"`],
  [
    'fdfs://h1?connectTimout=1',
    'the connection string has no option "connectTimout": did you mean connectTimeout?',
  ],
  ['fdfs://h1?group=g', /^the connection string has no option "group": known are connectTimeout, /],
  ['fdfs://h1?__proto__=1', /^the connection string has no option "__proto__": known are /],
  ['fdfs://h1?retries=1&retries=1', 'the connection string has the option retries twice'],
  ['fdfs://h1?retries=', 'connection string: retries: expected a number, not ""'],
  ['fdfs://h1?timeout=5s', 'connection string: timeout: expected a number, not "5s"'],
  ['fdfs://h1?timeout=-1', 'connection string: timeout: expected a number, not "-1"'],
  ['fdfs://h1?verify=1', 'connection string: verify: expected true or false, not "1"'],
  ['fdfs://h1?extPolicy=keep', 'connection string: extPolicy: expected error, cut or drop, not "keep"'],
  [
    'fdfs://h1?metadataEncoding=x',
    'connection string: metadataEncoding: "x" is not the name of a known encoding',
  ],
  [
    'fdfs://h1?storageAddressMap=h',
    'connection string: storageAddressMap: expected address=address, separated by commas, not "h"',
  ],
])('%s is refused', (text, message) => {
  const found = configError(() => parseConnectionString(text))
  if (typeof message === 'string') expect(found).toBe(message)
  else expect(found).toMatch(message)
})

it.each([
  ['fdfs://h', true],
  [' http://h', true],
  ['h:22122', false],
  ['[::1]:22122,h', false],
  ['/etc/fdfs/client.conf', false],
])('%j is meant as one: %s', (text, is) => {
  expect(isConnectionString(text)).toBe(is)
})
