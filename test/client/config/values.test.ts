import { readBoolean, readInteger } from '../../../src/client/config/values.js'
import { configError } from './files.js'

const setting = (value: string) => ({ name: 'n', value, place: 'a.conf:7' })

it.each([
  ['true', true],
  ['TRUE', true],
  ['yes', true],
  ['On', true],
  ['1', true],
  ['false', false],
  ['no', false],
  ['0', false],
  ['01', false],
  ['2', false],
  ['truely', false],
  ['', false],
])('the boolean %j is %s', (text, value) => {
  expect(readBoolean(setting(text))).toBe(value)
})

it.each([
  ['30', 30],
  [' +30', 30],
  ['-1', -1],
  ['5 # seconds', 5],
  ['5s', 5],
  ['007', 7],
])('the number %j is %d', (text, value) => {
  expect(readInteger(setting(text))).toBe(value)
})

it.each(['x', '', 'x5', '99999999999999999999'])('%j is no number', (text) => {
  expect(configError(() => readInteger(setting(text)))).toBe(
    `a.conf:7: n must be a whole number, not ${JSON.stringify(text)}`,
  )
})
