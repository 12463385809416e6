import fc from 'fast-check'
import { readIni } from '../../../src/client/config/ini.js'
import { configError, disk } from './files.js'

const ini = (text: string | Uint8Array, others: Record<string, string> = {}) =>
  readIni('/etc/fdfs/a.conf', disk({ '/etc/fdfs/a.conf': text, ...others }))

const values = (text: string, name = 'k', section = ''): string[] =>
  ini(text)
    .section(section)
    .all(name)
    .map(({ value }) => value)

describe('a line', () => {
  it.each([
    ['k=v', ['v']],
    ['  k \t = \t v w  ', ['v w']],
    ['k = v\r\n', ['v']],
    ['k=', ['']],
    ['k = a=b', ['a=b']],
    ['k = v # no remark', ['v # no remark']],
    ['# k=v', []],
    ['   #k=v', []],
    ['#includes FILE', []],
    ['#include', []],
    ['k v', []],
    ['K=v', []],
    ['k=1\nk=2\n\nk=1', ['1', '2', '1']],
    ['[s]\nk=v', []],
    ['[s]\nk=v\n[]\nk=w', ['w']],
    ['[s]\nk=v\n[  ]\nk=w', ['w']],
    ['[s\nk=v', ['v']],
    ['\uFEFFk=v', ['v']],
    ['k=\u00A0v', ['\u00A0v']],
    ['', []],
  ])('%j gives k %j', (text, expected) => {
    expect(values(text)).toEqual(expected)
  })

  it.each([
    ['[s]\nk=1\n[t]\nk=2\n[ s ]\nk=3', 's', ['1', '3']],
    ['[s]\nk=1\n[t]\nk=2\n[s]\nk=3', 't', ['2']],
    ['[s]\nk=1', 'u', []],
    ['[a]b]\nk=1', 'a]b', ['1']],
  ])('%j has in section %s k %j', (text, section, expected) => {
    expect(values(text, 'k', section)).toEqual(expected)
  })

  it('has a place, and the last of several counts', () => {
    expect(ini('\nk=1\n\n k = 2').section().get('k')).toEqual({
      name: 'k',
      value: '2',
      place: '/etc/fdfs/a.conf:4',
    })
    expect(ini('').section().get('k')).toBeUndefined()
  })
})

describe('a value that cannot be used', () => {
  const gbk = Buffer.from([...Buffer.from('# '), 0xd6, 0xd0, ...Buffer.from('\nk='), 0xce, 0xc4, 0x0a])

  it('is refused when somebody asks for it', () => {
    expect(configError(() => ini(gbk).section().get('k'))).toBe('/etc/fdfs/a.conf:2: k is not valid UTF-8')
    expect(configError(() => values(`k=${'x'.repeat(256)}`))).toBe(
      '/etc/fdfs/a.conf:1: k is longer than 255 bytes',
    )
  })

  it('does not matter otherwise', () => {
    expect(ini(gbk).section().get('other')).toBeUndefined()
    expect(values(`k=${'x'.repeat(255)}`)).toEqual(['x'.repeat(255)])
  })

  it('is a file in UTF-16', () => {
    expect(configError(() => ini(Buffer.from('k=v', 'utf16le')))).toBe(
      '/etc/fdfs/a.conf is not a text in UTF-8',
    )
  })
})

describe('#include', () => {
  const load = (files: Record<string, string>) => readIni('/etc/fdfs/a.conf', disk(files)).section()

  it.each([
    ['#include b.conf', '/etc/fdfs/b.conf'],
    ['  #Include\t  b.conf  ', '/etc/fdfs/b.conf'],
    ['#include ../b c.conf', '/etc/b c.conf'],
    ['#include /opt/b.conf', '/opt/b.conf'],
    ['#include file:///opt/b.conf', '/opt/b.conf'],
    ['#include file://b.conf', '/etc/fdfs/b.conf'],
  ])('%j reads %s', (line, path) => {
    expect(load({ '/etc/fdfs/a.conf': line, [path]: 'k=v' }).get('k')?.place).toBe(`${path}:1`)
  })

  it('stands for the lines of the file, in its place', () => {
    const files = { '/etc/fdfs/a.conf': 'k=1\n#include b.conf\nk=3', '/etc/fdfs/b.conf': 'k=2' }
    expect(
      load(files)
        .all('k')
        .map(({ value }) => value),
    ).toEqual(['1', '2', '3'])
  })

  it('is outside of sections, before it and after it', () => {
    const files = { '/etc/fdfs/a.conf': '[s]\n#include b.conf\nafter=1', '/etc/fdfs/b.conf': 'k=1\n[t]\nx=1' }
    const settings = load(files)
    expect([settings.get('k')?.value, settings.get('after')?.value, settings.get('x')]).toEqual([
      '1',
      '1',
      undefined,
    ])
  })

  it('starts at the folder of the first file, as in libfastcommon, wherever it stands', () => {
    const files = {
      '/etc/fdfs/a.conf': '#include sub/b.conf',
      '/etc/fdfs/sub/b.conf': '#include c.conf',
      '/etc/fdfs/c.conf': 'k=first',
      '/etc/fdfs/sub/c.conf': 'k=sub',
    }
    expect(load(files).get('k')?.value).toBe('first')
  })

  it('may name a file twice', () => {
    const files = { '/etc/fdfs/a.conf': '#include b.conf\n#include b.conf', '/etc/fdfs/b.conf': 'k=1' }
    expect(load(files).all('k')).toHaveLength(2)
  })

  it.each([
    [{ 'a.conf': '#include b.conf' }, 'a.conf:1: cannot read /etc/fdfs/b.conf: no such file'],
    [
      { 'a.conf': '\n#include a.conf' },
      'a.conf:2: files include each other: /etc/fdfs/a.conf, /etc/fdfs/a.conf',
    ],
    [
      { 'a.conf': '#include b.conf', 'b.conf': '#include ./a.conf' },
      'a.conf:1: /etc/fdfs/b.conf:1: files include each other: /etc/fdfs/a.conf, /etc/fdfs/b.conf, /etc/fdfs/a.conf',
    ],
    [
      { 'a.conf': '#include http://10.0.0.1/b.conf' },
      'a.conf:1: http://10.0.0.1/b.conf is not read: only local files are, since whoever answers would set the trackers',
    ],
    [
      { 'a.conf': '#include HTTPS://h/b.conf' },
      'a.conf:1: HTTPS://h/b.conf is not read: only local files are, since whoever answers would set the trackers',
    ],
  ])('%j is refused', (files, message) => {
    const absolute = Object.fromEntries(
      Object.entries(files).map(([name, text]) => [`/etc/fdfs/${name}`, text]),
    )
    expect(configError(() => load(absolute))).toBe(`/etc/fdfs/${message}`)
  })

  it('goes 16 deep', () => {
    const chain = (length: number) =>
      Object.fromEntries(
        Array.from({ length: length + 1 }, (_, i) => [
          `/etc/fdfs/${i === 0 ? 'a' : i}.conf`,
          i === length ? 'k=v' : `#include ${i + 1}.conf`,
        ]),
      )
    expect(load(chain(16)).get('k')?.value).toBe('v')
    expect(configError(() => load(chain(17)))).toMatch(/files include each other more than 16 deep$/)
  })
})

it.each([
  '#@if %{LOCAL_IP} in [10.0.0.1]',
  '  #@for i from 0 to 3',
  '#@set a = b',
  '#@function LOCAL_IP_GET',
  '#@FUNCTION X',
  '#@add_annotation X y.so',
])('%s is refused with its line', (line) => {
  const name = line.trim().split(' ')[0]
  expect(configError(() => ini(`k=v\n${line}`))).toBe(
    `/etc/fdfs/a.conf:2: ${name} is not supported: write what it stands for`,
  )
})

it.each(['#@iffy', '##@if x', '# @if x', '#@endif', '#@else'])('%s is a comment', (line) => {
  expect(values(`${line}\nk=v`)).toEqual(['v'])
})

describe('any text', () => {
  const word = fc.stringMatching(/^[A-Za-z0-9_.:,/-]{1,20}$/)

  it('gives back what was written, with either end of line and any blanks', () => {
    const entry = fc.record({
      name: word,
      value: word,
      before: fc.constantFrom('', ' ', '\t '),
      eol: fc.constantFrom('\n', '\r\n', ' \n'),
    })
    fc.assert(
      fc.property(fc.array(entry), (entries) => {
        const settings = ini(
          entries.map((e) => `${e.before}${e.name}${e.before}=${e.before}${e.value}${e.eol}`).join(''),
        ).section()
        for (const { name } of entries) {
          expect(settings.all(name).map(({ value }) => value)).toEqual(
            entries.filter((other) => other.name === name).map(({ value }) => value),
          )
        }
      }),
    )
  })

  it('is read, or refused with a place', () => {
    const piece = fc.constantFrom(
      '#',
      '#include ',
      '#@if ',
      '[',
      ']',
      '=',
      ' ',
      '\n',
      '\r',
      '\t',
      'k',
      'v',
      '\0',
      '\uFFFD',
    )
    fc.assert(
      fc.property(
        fc.array(piece).map((pieces) => pieces.join('')),
        (text) => {
          let names: number
          try {
            names = ini(text).section().all('k').length
          } catch (error) {
            expect((error as Error).message).toMatch(/^\/etc\/fdfs\/a\.conf(?::\d+: | is not a text)/)
            return
          }
          expect(names).toBeLessThanOrEqual(text.split('=').length - 1)
        },
      ),
    )
  })
})
