import { readProperties } from '../../../src/client/config/properties.js'
import { configError, disk } from './files.js'

const read = (text: string | Uint8Array) => readProperties('/a.properties', disk({ '/a.properties': text }))

it.each([
  ['k=v', 'v'],
  ['k = v', 'v'],
  ['  k : v', 'v'],
  ['k v w', 'v w'],
  ['k', ''],
  ['k = = v', '= v'],
  ['# x=1\n! x=2\nk=v', 'v'],
  ['k=1\nk=2', '2'],
  ['k = a,\\\n    b', 'a,b'],
  ['k = a\\\\\nb=c', 'a\\'],
  ['k = \\u4e2d\\t\\:\\x', '中\t:x'],
  ['k=C:\\\\x', 'C:\\x'],
  ['k=v\r\nl=w', 'v'],
  ['k=v\rl=w', 'v'],
  ['k = v # no remark', 'v # no remark'],
  ['k=v\\', 'v'],
])('%j gives k %j', (text, value) => {
  expect(read(text).get('k')?.value).toBe(value)
})

it.each([
  ['k\\ l = v', 'k l'],
  ['k\\=l = v', 'k=l'],
  ['k\\:l : v', 'k:l'],
])('%j has the name %j', (text, name) => {
  expect(read(text).get(name)?.value).toBe('v')
})

it('is ISO 8859-1, and has places', () => {
  expect(read(Buffer.from('# x\na=\\\n1\nk=\xe9', 'latin1')).get('k')).toEqual({
    name: 'k',
    value: 'é',
    place: '/a.properties:4',
  })
})

it('refuses half an escape with its line', () => {
  expect(configError(() => read('a=1\nk=\\u12'))).toBe(
    '/a.properties:2: \\u must be followed by four hexadecimal digits',
  )
})
