/** Every method against what the Python clients answered, key by key: recorded on real clusters, see fixtures/python. */
import { Fdfs_client } from '../../src/compat/index.js'
import type { OpenTarget } from '../conformance/target.js'
import { targets } from '../conformance/target.js'
import { FastDfsClient } from '../../src/index.js'
import type { Recording, Result } from './scenario.js'
import { load, run, scenario } from './scenario.js'

const golden = load<Recording>('python-2.7-v5.11.json')

const read = (content: string, size = content.length): Result => ({
  returns: {
    'Remote file_id': 'ID 7',
    Content: content,
    'Download size': `${size}B`,
    'Storage IP': 'IP',
  },
})
const written = (content: string): Result => ({
  ...read('{folder}/copy.txt', content.length),
  file: { size: content.length, head: content },
})
const servers: Result = { returns: { 'Group name': 'GROUP', Servers: [golden.records?.storage] } }

/**
 * Steps in which Python's client does not do what its documentation says, or less, and what they give here: the table of
 * docs/migration/fdfs_client-py.md.
 */
const DIFFERENCES: Record<string, Result> = {
  'buffer with dotted extension': {
    returns: {
      'Group name': 'GROUP',
      'Remote file_id': 'ID 3.jpg',
      Status: 'Upload successed.',
      'Local file name': '',
      'Uploaded size': '9B',
      'Storage IP': 'IP',
    },
  },
  'metadata of the slave': { returns: { width: '160px' } },
  'what was modified at an offset': {
    returns: {
      'Remote file_id': 'ID 3.txt',
      Content: 'SOME TEXT, and more',
      'Download size': '19B',
      'Storage IP': 'IP',
    },
  },
  'what was truncated': {
    returns: {
      'Remote file_id': 'ID 3.txt',
      Content: 'SOME',
      'Download size': '4B',
      'Storage IP': 'IP',
    },
  },
  'download from an offset': read('text'),
  'download of a range': read('me t'),
  'download of the first bytes': read('some'),
  'download with a leading slash': {
    returns: {
      'Remote file_id': '/ID 7',
      Content: 'some text',
      'Download size': '9B',
      'Storage IP': 'IP',
    },
  },
  'download to a file from an offset': written('text'),
  'download of a range to a file': written('me t'),
  'download into no folder': {
    raises: 'DataError',
    text: "[-] Error: while writting local file(2, 'No such file or directory').",
  },
  'metadata that was merged': { returns: { author: 'scott', width: '800px' } },
  'set metadata of a missing file': { raises: 'DataError', text: '[-] Error: 2, No such file or directory' },
  servers,
  'one server': servers,
}

/** On Python 3 nothing is appended, modified or truncated; V6 has records that no version of the client reads. */
const UNCHANGED = [
  'what was appended',
  'what was modified',
  'what was modified at an offset',
  'what was truncated',
]
const ELSEWHERE: Record<string, readonly string[]> = {
  'python-2.7-v6.16.1': ['all groups', 'servers', 'one server'],
  'python-3.11-v5.11': UNCHANGED,
  'python-3.11-v6.16.1': [...UNCHANGED, 'all groups'],
  // Of py3Fdfs sizes are divided exactly, of extensions the last one counts, and no metadata can be set.
  'py3fdfs-v5.11': [
    'two extensions',
    'long extension',
    ...UNCHANGED,
    'metadata that was set',
    'metadata that was merged',
    'metadata of numbers',
    'all groups',
  ],
}

describe.each(targets)('what fdfs_client-py answered, on $name', (target) => {
  let opened: OpenTarget
  let client: FastDfsClient
  let results: Map<string, Result>
  beforeAll(async () => {
    opened = await target.open()
    client = new FastDfsClient({ trackers: opened.trackers })
    results = await run(new Fdfs_client(null, client))
  }, 30_000)
  afterAll(async () => {
    await client.close()
    await opened.close()
  })

  describe('with Python 2.7 on V5.11', () => {
    const recorded = new Map(golden.results)

    it.each(scenario.steps.map(([name, method]) => ({ name, method })))('$method: $name', ({ name }) => {
      const expected = DIFFERENCES[name] ?? recorded.get(name)
      expect(comparable(results.get(name))).toEqual(comparable(expected))
    })

    it('has the keys of its dictionaries in the order of Python 3', () => {
      const dictionaries = load<Recording>('python-3.11-v5.11.json').results.flatMap(
        ([name, { returns }]) => {
          const { entries } = (returns ?? {}) as { entries?: [string, unknown][] }
          return Array.isArray(entries) ? [{ name, keys: entries.map(([key]) => key) }] : []
        },
      )
      const ours = dictionaries.map(({ name }) => ({
        name,
        keys: Object.keys(results.get(name)?.returns as object),
      }))
      expect(dictionaries.length).toBeGreaterThan(20)
      expect(ours).toEqual(dictionaries)
    })

    it('differs where the table says so, and nowhere else', () => {
      const differing = [...recorded].filter(
        ([name, result]) => !isEqual(comparable(results.get(name)), comparable(result)),
      )
      expect(differing.map(([name]) => name)).toEqual(Object.keys(DIFFERENCES))
    })
  })
})

describe.each(Object.keys(ELSEWHERE))('%s', (name) => {
  it('answers as Python 2.7 on V5.11 does, where it answers', () => {
    const first = new Map(golden.results)
    const answered = load<Recording>(`${name}.json`).results.filter(
      ([, { raises }]) => raises === undefined || ['DataError', 'ResponseError'].includes(raises),
    )
    const differing = answered.filter(
      ([step, result]) => !isEqual(comparable(result), comparable(first.get(step))),
    )
    expect(differing.map(([step]) => step)).toEqual(ELSEWHERE[name])
  })
})

function isEqual(one: unknown, other: unknown): boolean {
  try {
    expect(one).toEqual(other)
    return true
  } catch {
    return false
  }
}

/** A result without what is different on every cluster: addresses, groups, and what is random in a file ID. */
function comparable(value: unknown): unknown {
  if (typeof value === 'string') {
    return value
      .replace(
        /group\d\/M00\/[\dA-F]{2}\/[\dA-F]{2}\/[\w-]{27}(\d*)/,
        (_, { length }: string) => `ID ${length}`,
      )
      .replace(/^group\d$/, 'GROUP')
      .replace(/^\d+\.\d+\.\d+\.\d+$/, 'IP')
  }
  if (Array.isArray(value)) return value.map(comparable)
  if (typeof value !== 'object' || value === null) return value
  const { entries, bytes, attributes } = value as Partial<Record<string, object>>
  const { class: name, text = '' } = value as { class?: string; text?: string }
  if (typeof bytes === 'string') return comparable(bytes)
  if (Array.isArray(entries)) return comparable(Object.fromEntries(entries as [string, unknown][]))
  // What a group or storage has is another thing everywhere: its values are compared in records.test.ts.
  if (attributes !== undefined) {
    return {
      name,
      attributes: Object.keys(attributes).sort(),
      labels: text.replace(/ = .*/g, ''),
    }
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, comparable(item)]))
}
