import { Naming } from '../../../src/server/storage/naming.js'

const FILE = { storePathIndex: 0, size: 3, crc32: 0, ext: 'txt', appender: false }
const directoriesOf = (naming: Naming, count: number): string[] =>
  Array.from({ length: count }, () => naming.draw(FILE).slice(4, 9))

function naming(
  distribution: { takesTurns: boolean; rotateCount: number },
  randomBelow: (limit: number) => number,
) {
  return new Naming(
    'group1',
    100001,
    { subdirCount: 2, ...distribution },
    { now: () => 1_700_000_000_000, randomBelow },
  )
}

// As seen of V6.16.1 with file_distribute_rotate_count = 3: three files to 00/00, three to 00/01, then the next.
it('gives each directory as many files as its turn takes', () => {
  const names = naming({ takesTurns: true, rotateCount: 3 }, (limit) => Math.floor(Math.random() * limit))
  expect(directoriesOf(names, 14)).toEqual([
    ...['00/00', '00/00', '00/00', '00/01', '00/01', '00/01'],
    ...['01/00', '01/00', '01/00', '01/01', '01/01', '01/01', '00/00', '00/00'],
  ])
  expect(names.rotation).toEqual({ high: 0, low: 0, files: 2 })
})

it('goes on in a turn that began when it took more files', () => {
  const names = naming({ takesTurns: true, rotateCount: 3 }, (limit) => Math.floor(Math.random() * limit))
  names.rotation = { high: 1, low: 0, files: 77 }
  expect(directoriesOf(names, 2)).toEqual(['01/00', '01/01'])
})

it('takes any directory where chance decides', () => {
  let drawn = 0
  const names = naming({ takesTurns: false, rotateCount: 3 }, (limit) => Math.floor((drawn += 7) / 3) % limit)
  const directories = directoriesOf(names, 50)
  expect([...new Set(directories)].every((name) => /^0[01]\/0[01]$/.test(name))).toBe(true)
  expect(new Set(directories).size).toBeGreaterThan(1)
  expect(names.rotation).toEqual({ high: 0, low: 0, files: 0 })
})
