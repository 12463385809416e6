import { lookup } from 'node:dns/promises'
import { BlockList, isIP, isIPv6 } from 'node:net'
import { ConfigError } from '../errors.js'
import { log } from '../observe/log.js'

/** Names that one line may stand for. */
const MAX_NAMES = 65_536
const RANGE = /^([^[\]/]*)\[([\d,\s-]+)\]([^[\]/]*)$/
const NAME = /^[\w.:-]+$/

/** Who may connect, as `allow_hosts` of real servers says it (protocol.md §1.1). */
export class AllowedHosts {
  readonly #hosts: readonly string[]
  #list: BlockList | undefined

  /**
   * Asks nobody yet.
   *
   * @param hosts - addresses, names, `10.0.0.0/24`, `10.0.1.[1-15,20]`, `host[01-08].example.com`; with a `*`
   * everybody may connect
   * @throws ConfigError for what is none of these
   */
  constructor(hosts: readonly string[]) {
    this.#hosts = hosts.includes('*') ? ['*'] : hosts.flatMap(namesOf)
  }

  /** Finds out what names stand for now; one that stands for nothing allows nobody. */
  async resolve(): Promise<void> {
    if (this.#hosts.includes('*')) return
    const list = new BlockList()
    for (const host of this.#hosts) {
      const [address = '', prefix] = host.split('/')
      if (prefix !== undefined) list.addSubnet(address, Number(prefix), familyOf(address))
      else for (const each of await addressesOf(address)) list.addAddress(each, familyOf(each))
    }
    this.#list = list
  }

  /** Whether an address may connect. */
  allows(address: string): boolean {
    return this.#list === undefined || this.#list.check(address, familyOf(address))
  }
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4'
}

async function addressesOf(host: string): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host]
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address)
  } catch (error) {
    log.server('allowed host %s: %s', host, (error as Error).message)
    return []
  }
}

/** What a line stands for. */
function namesOf(line: string): string[] {
  const [, head = '', ranges = '', tail = ''] = RANGE.exec(line) ?? []
  const names = ranges === '' ? [line] : numbersOf(ranges, line).map((number) => head + number + tail)
  for (const name of names) if (!isHost(name)) throw wrong(line)
  return names
}

/** `1-3,07` → `1`, `2`, `3`, `07` */
function numbersOf(ranges: string, line: string): string[] {
  const numbers = ranges.split(',').flatMap((range) => {
    const [first = '', last = first] = range.split('-').map((text) => text.trim())
    const count = Number(last) - Number(first) + 1
    if (first === '' || last === '' || count < 1 || count > MAX_NAMES) throw wrong(line)
    return Array.from({ length: count }, (_, i) => String(Number(first) + i).padStart(first.length, '0'))
  })
  // Addresses have no leading zeros.
  return numbers.map((number) => (/^\d+\.\d+\./.test(line) ? String(Number(number)) : number))
}

function isHost(name: string): boolean {
  const [address = '', prefix, ...more] = name.split('/')
  if (prefix === undefined) return NAME.test(address) && (isIP(address) !== 0 || !/^[\d.]+$/.test(address))
  const most = isIPv6(address) ? 128 : 32
  return more.length === 0 && isIP(address) !== 0 && /^\d{1,3}$/.test(prefix) && Number(prefix) <= most
}

function wrong(line: string): ConfigError {
  return new ConfigError(
    `allowed hosts must be addresses, names, 10.0.0.0/24, 10.0.1.[1-15,20] or *, not ${JSON.stringify(line)}`,
  )
}
