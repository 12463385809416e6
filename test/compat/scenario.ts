/** Runs test/fixtures/python/scenario.json with Fdfs_client, as record.py does with fdfs_client-py. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Fdfs_client, Group_info } from '../../src/compat/index.js'

/** What a step returned or threw, in the form of the recordings. */
export interface Result {
  readonly returns?: unknown
  readonly file?: { readonly size: number; readonly head: string }
  readonly raises?: string
  readonly text?: string
}

interface Scenario {
  readonly files: Record<string, number>
  readonly steps: [name: string, method: string, args: unknown[]][]
}

/** What Python's clients answered, step by step. */
export interface Recording {
  readonly results: [name: string, result: Result][]
  readonly records?: Record<'group' | 'storage', { attributes: object; text: string; packet: string }>
}

const folder = join(__dirname, '../fixtures/python')

export function load<T>(name: string): T {
  return JSON.parse(readFileSync(join(folder, name), 'utf8')) as T
}

export const scenario = load<Scenario>('scenario.json')

/** Runs all steps; the results by name. Deletes every file that was made. */
export async function run(client: Fdfs_client): Promise<Map<string, Result>> {
  const local = await mkdtemp(join(tmpdir(), 'fastdfs-compat-'))
  const ids = new Map<string, string>()
  const storages = new Map<string, string>()
  const results = new Map<string, Result>()

  /** A placeholder of the scenario, as record.py reads it. */
  function argument(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value
    const given = value as Record<string, string>
    if (given['file'] !== undefined) return join(local, given['file']) + (given['file'] === '' ? '/' : '')
    if (given['bytes'] !== undefined) return Buffer.from(given['bytes'])
    if (given['storage'] !== undefined) return storages.get(given['storage'])
    const of = given['id'] ?? given['missing']
    if (of === undefined) return value
    let id = ids.get(of) ?? `group1/no/ID/of ${of}`
    if (given['missing'] !== undefined) {
      const at = id.lastIndexOf('/') + 1 + 13
      id = id.slice(0, at) + (id[at] === 'A' ? 'B' : 'A') + id.slice(at + 1)
    }
    if (given['group'] !== undefined) id = given['group'] + id.slice(id.indexOf('/'))
    return (given['prefix'] ?? '') + id
  }

  const plain = (value: unknown): unknown => {
    if (typeof value === 'string') return value.replaceAll(local, '{folder}')
    if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1')
    if (Array.isArray(value)) return value.map(plain)
    if (typeof value !== 'object' || value === null) return value
    const name = value.constructor.name
    if (name !== 'Object')
      return { class: name, attributes: { ...value }, text: (value as Group_info).toString() }
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]))
  }

  try {
    await mkdir(local, { recursive: true })
    for (const [name, size] of Object.entries(scenario.files)) {
      await writeFile(join(local, name), Buffer.from(Array.from({ length: size }, (_, i) => i % 251)))
    }
    const { Servers } = await client.list_servers('group1')
    storages.set('group1', Servers[0]?.id ?? '')
    for (const [name, method, args] of scenario.steps) {
      const call = (client as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>)[method]
      try {
        const value = await call?.apply(client, args.map(argument))
        const id = (value as Record<string, unknown>)['Remote file_id']
        if (typeof id === 'string' && !method.startsWith('download')) ids.set(name, id)
        const content =
          method === 'download_to_file' ? await readFile(argument(args[0]) as string) : undefined
        results.set(name, {
          returns: plain(value),
          ...(content && { file: { size: content.length, head: content.toString('latin1', 0, 16) } }),
        })
      } catch (error) {
        const { name: raises, message } = error as Error
        results.set(name, { raises, text: message.replaceAll(local, '{folder}') })
      }
    }
    return results
  } finally {
    await Promise.allSettled([...ids.values()].map((id) => client.delete_file(id)))
    await rm(local, { recursive: true })
  }
}
