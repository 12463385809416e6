import { readBoolean, readBytes, readInteger, readTimeOfDay } from '../../../src/client/config/values.js'
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

it.each([
  ['', 1, undefined],
  ['0', 1, 0],
  ['512', 1, 512],
  ['512', 1024, 524_288],
  ['256K', 1024, 262_144],
  ['256KB', 1, 262_144],
  ['64 MB', 1, 67_108_864],
  ['64\tmb', 1, 67_108_864],
  ['1g', 1, 1_073_741_824],
  ['2T', 1, 2_199_023_255_552],
  ['1B', 1, undefined],
  ['1 K B', 1, undefined],
  ['1KiB', 1, undefined],
  ['1.5K', 1, undefined],
  ['-1', 1, undefined],
  ['9000000T', 1, undefined],
])('the size %j in units of %d is %s', (text, unit, bytes) => {
  if (bytes !== undefined) return expect(readBytes(setting(text), unit)).toBe(bytes)
  expect(configError(() => readBytes(setting(text), unit))).toBe(
    `a.conf:7: n must be a size such as 256K, 64 MB or 1G, not ${JSON.stringify(text)}`,
  )
})

it.each([
  ['00:00', { hour: 0, minute: 0, second: 0 }],
  ['4:05', { hour: 4, minute: 5, second: 0 }],
  ['23:59:58', { hour: 23, minute: 59, second: 58 }],
  ['24:00', undefined],
  ['12:60', undefined],
  ['12:00:60', undefined],
  ['12', undefined],
  ['', undefined],
])('the time %j is %j', (text, time) => {
  if (time !== undefined) return expect(readTimeOfDay(setting(text))).toEqual(time)
  expect(configError(() => readTimeOfDay(setting(text)))).toBe(
    `a.conf:7: n must be a time HH:MM or HH:MM:SS, not ${JSON.stringify(text)}`,
  )
})

it.each(['x', '', 'x5', '99999999999999999999'])('%j is no number', (text) => {
  expect(configError(() => readInteger(setting(text)))).toBe(
    `a.conf:7: n must be a whole number, not ${JSON.stringify(text)}`,
  )
})
