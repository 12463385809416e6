import { strerror } from '../../src/compat/strerror.js'
import { appromix, extOfFile, isoformat } from '../../src/compat/text.js'
import { load } from './scenario.js'

describe('sizes', () => {
  // Given by appromix of fdfs_client-py.
  it.each([
    [0, 0, '0B'],
    [280, 0, '280B'],
    [1023, 0, '1023B'],
    [1024, 0, '1.00KB'],
    [2000, 0, '1.00KB'],
    [6144, 0, '6.00KB'],
    [1_048_575, 0, '1023.00KB'],
    [1_048_576, 0, '1.00MB'],
    [2 ** 53 - 1, 0, '7.00PB'],
    [0, 2, '0MB'],
    [24_107, 2, '23.00GB'],
  ])('of %d in unit %d are %s', (size, base, text) => {
    expect(appromix(size, base)).toBe(text)
  })

  it('refuses what Python refuses', () => {
    expect(() => appromix(-1)).toThrow(new RangeError('[-] Error: number must be non-negative.'))
    expect(() => appromix(2 ** 100)).toThrow(new RangeError('[-] Error: number too big.'))
  })
})

describe('extensions', () => {
  it.each([
    ['photo.jpg', 'jpg'],
    ['/data/a.tar.gz', 'tar.gz'],
    ['my.photo.jpeg', 'photo.'],
    ['note', ''],
    ['/etc/conf.d/note', ''],
    ['/etc/conf.d/note.txt', 'txt'],
    ['./photo.jpg', 'jpg'],
    ['a.b.c.d', 'c.d'],
    ['.profile', 'profil'],
    ['dot.', ''],
  ])('of %s is %j', (filename, ext) => {
    expect(extOfFile(filename)).toBe(ext)
  })
})

it('writes times as Python does', () => {
  expect(isoformat(new Date(2026, 0, 2, 3, 4, 5, 678))).toBe('2026-01-02T03:04:05')
  expect(isoformat(undefined)).toBe(new Date(0).toLocaleString('sv-SE').replace(' ', 'T'))
})

it.each(load<[number, string][]>('strerror.json').slice(1))('calls error %d %j', (status, text) => {
  expect(strerror(status)).toBe(text)
})
