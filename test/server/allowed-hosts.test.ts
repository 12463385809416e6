import { ConfigError } from '../../src/errors.js'
import { AllowedHosts } from '../../src/server/allowed-hosts.js'

async function allowed(lines: readonly string[], addresses: readonly string[]): Promise<readonly string[]> {
  const hosts = new AllowedHosts(lines)
  await hosts.resolve()
  return addresses.filter((address) => hosts.allows(address))
}

it.each<[string[], string[], string[]]>([
  [['*'], ['10.0.0.1', '2001:db8::1'], []],
  [['10.0.0.1', '*'], ['10.0.0.2'], []],
  [
    ['10.0.0.1', '10.0.0.3'],
    ['10.0.0.1', '10.0.0.3'],
    ['10.0.0.2', '10.0.0.13', '2001:db8::1', ''],
  ],
  [
    ['10.0.1.[1-15,20]'],
    ['10.0.1.1', '10.0.1.15', '10.0.1.20'],
    ['10.0.1.0', '10.0.1.16', '10.0.1.19', '10.0.1.21'],
  ],
  [['10.0.1.[08-9]'], ['10.0.1.8', '10.0.1.9'], ['10.0.1.7', '10.0.1.10']],
  [['10.0.[1-2].7'], ['10.0.1.7', '10.0.2.7'], ['10.0.3.7', '10.0.1.1']],
  [['192.168.5.64/26'], ['192.168.5.64', '192.168.5.127'], ['192.168.5.63', '192.168.5.128']],
  [['2001:db8::/32'], ['2001:db8::7'], ['2001:db9::7', '10.0.0.1']],
  [['localhost'], ['127.0.0.1'], ['127.0.0.2']],
  [['nobody.invalid'], [], ['127.0.0.1']],
  [[], [], ['127.0.0.1']],
])('%j allows %j and not %j', async (lines, some, others) => {
  expect(await allowed(lines, [...some, ...others])).toEqual(some)
})

it.each([
  '',
  'a b',
  '10.0.0',
  '10.0.0.256',
  '10.0.0.1/33',
  'host/8',
  '10.0.0.0/8/8',
  '10.0.0.[1-',
  '10.0.0.[]',
])('does not take %j', (line) => {
  expect(() => new AllowedHosts([line])).toThrow(ConfigError)
})

it.each(['10.0.0.[9-1]', '10.0.0.[1-]', '10.0.0.[1-300]', 'h[1-99999999999]', '10.[1].[2].3'])(
  'does not take %j',
  (line) => {
    expect(() => new AllowedHosts([line])).toThrow(
      `allowed hosts must be addresses, names, 10.0.0.0/24, 10.0.1.[1-15,20] or *, not "${line}"`,
    )
  },
)
