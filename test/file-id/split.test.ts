import { splitFileId } from '../../src/file-id/index.js'
import { thrown } from './thrown.js'

const NAME = 'Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt'

describe('splitFileId', () => {
  it.each([
    [`group1/M00/00/0A/${NAME}`, `group1/M00/00/0A/${NAME}`],
    [`/group1/M00/00/0A/${NAME}`, `group1/M00/00/0A/${NAME}`],
    [`http://host:8888/group1/M00/00/0A/${NAME}?token=x&ts=1`, `group1/M00/00/0A/${NAME}`],
    [`img.example.org/group1/M00/00/0A/${NAME}`, `group1/M00/00/0A/${NAME}`],
    [`//img.example.org:8888/group1/M00/00/0A/${NAME}?ts=1#a`, `group1/M00/00/0A/${NAME}`],
    [`storage1:8888/group1/M00/00/0A/${NAME}`, `group1/M00/00/0A/${NAME}`],
    [`10.0.0.1/group1/M00/00/0A/${NAME}`, `group1/M00/00/0A/${NAME}`],
    [`[fd00::1]:80/group1/M00/00/0A/${NAME}`, `group1/M00/00/0A/${NAME}`],
    [`group1/MFF/FF/FF/${NAME}`, `group1/MFF/FF/FF/${NAME}`],
    [`0123456789ABCdef/M00/00/0A/${NAME}`, `0123456789ABCdef/M00/00/0A/${NAME}`],
    [`M00/M00/00/0A/${NAME}`, `M00/M00/00/0A/${NAME}`],
    // Before V1.12.
    [`group1/00/0A/${NAME}`, `group1/00/0A/${NAME}`],
    // A slave that is too short, and names that no base64 is in.
    [
      'group1/M00/00/0A/Ck0ADGsCbjeAZRv3AAAAB5CH01E_s.jpg',
      'group1/M00/00/0A/Ck0ADGsCbjeAZRv3AAAAB5CH01E_s.jpg',
    ],
    [`group1/M00/00/0A/${'.'.repeat(27)}`, `group1/M00/00/0A/${'.'.repeat(27)}`],
    [`group1/M00/00/0A/${'-'.repeat(117)}`, `group1/M00/00/0A/${'-'.repeat(117)}`],
  ])('splits %s', (text, id) => {
    const slash = id.indexOf('/')
    expect(splitFileId(text)).toEqual({ id, group: id.slice(0, slash), name: id.slice(slash + 1) })
  })

  it.each([
    ['', 'it has no slash'],
    ['group1', 'it has no slash'],
    ['/', 'it has no slash'],
    [`//M00/00/00/${NAME}`, 'its group is empty'],
    [`img.example.org/M00/00/00/${NAME}`, 'it has no group in front of its store path'],
    [`img.example.org/../group1/M00/00/00/${NAME}`, '"." in its group is no letter or digit'],
    [`host:/group1/M00/00/00/${NAME}`, 'nor is it an http(s) URL with a path'],
    [`12345678901234567/M00/00/00/${NAME}`, 'its group has 17 characters, more than 16'],
    [`group_1/M00/00/00/${NAME}`, '"_" in its group is no letter or digit'],
    [`grüppe/M00/00/00/${NAME}`, '"ü" in its group is no letter or digit'],
    [` group1/M00/00/00/${NAME}`, '" " in its group is no letter or digit'],
    [`../M00/00/00/${NAME}`, '"." in its group is no letter or digit'],
    [`M00/00/00/${NAME}`, 'it has no group in front of its store path'],
    [`http://host/M00/00/00/${NAME}`, 'it has no group in front of its store path'],
    [`group1/m00/00/00/${NAME}`, '"m00" is no directory, 00 to FF'],
    [`group1/M0a/00/00/${NAME}`, '"M0a" is no store path, M00 to MFF'],
    [`group1/M100/00/00/${NAME}`, '"M100" is no store path, M00 to MFF'],
    [`group1/M/00/00/${NAME}`, '"M" is no store path, M00 to MFF'],
    [`group1/M00/0a/00/${NAME}`, '"0a" is no directory, 00 to FF'],
    [`group1/M00/00/0G/${NAME}`, '"0G" is no directory, 00 to FF'],
    [`group1/M00/00/000/${NAME}`, '"000" is no directory, 00 to FF'],
    [`group1/M00/../00/${NAME}`, '".." is no directory, 00 to FF'],
    [`group1/M00//00/${NAME}`, '"" is no directory, 00 to FF'],
    [`group1/M00/00/${NAME}`, `"${NAME}" is no directory, 00 to FF`],
    ['group1/M00', 'it has no name behind two directories'],
    ['group1/M00/00/00', 'it has no name behind two directories'],
    [`group1/M00/00/00/../${NAME}`, 'it has a slash in its name'],
    [`group1/M00/00/00/${NAME}/`, 'it has a slash in its name'],
    [`group1/M00/00/00/${NAME}\0`, '"\\u0000" in its name is none of 0-9 A-Z a-z - _ .'],
    [`group1/M00/00/00/${NAME}\n`, '"\\n" in its name is none of 0-9 A-Z a-z - _ .'],
    [`group1/M00/00/00/${NAME}?ts=1`, '"?" in its name is none of 0-9 A-Z a-z - _ .'],
    [`group1/M00/00/00/${NAME}😀`, '"😀" in its name is none of 0-9 A-Z a-z - _ .'],
    [`group1/M00/00/00/${NAME}\\..`, '"\\\\" in its name is none of 0-9 A-Z a-z - _ .'],
    ['group1/M00/00/00/', 'it has 10 characters behind its group, not 37 to 127'],
    [`group1/M00/00/00/${'A'.repeat(26)}`, 'it has 36 characters behind its group, not 37 to 127'],
    [`group1/M00/00/00/${'A'.repeat(118)}`, 'it has 128 characters behind its group, not 37 to 127'],
    [`group1/00/00/${'A'.repeat(30)}`, 'it has 36 characters behind its group, not 37 to 127'],
    [`ftp://host/group1/M00/00/00/${NAME}`, 'nor is it an http(s) URL with a path'],
    ['http://host', 'nor is it an http(s) URL with a path'],
    [`http:///group1/M00/00/00/${NAME}`, 'nor is it an http(s) URL with a path'],
    [`http://host/x/group1/M00/00/00/${NAME}`, '"group1" is no directory, 00 to FF'],
  ])('refuses %j', (text, reason) => {
    const shown = JSON.stringify(text.length > 100 ? `${text.slice(0, 99)}…` : text)
    expect(thrown(() => splitFileId(text))).toMatchObject({
      code: 'FDFS_INVALID_FILE_ID',
      message: `${shown} is not a file ID: ${reason}`,
    })
  })

  it('shows the text, but not all of a long one', () => {
    expect(() => splitFileId('a\tb')).toThrow('"a\\tb" is not a file ID: it has no slash')
    expect(() => splitFileId('x'.repeat(1000))).toThrow(
      `"${'x'.repeat(99)}…" is not a file ID: it has no slash`,
    )
  })

  it.each([
    [undefined, 'undefined'],
    [7, 'number'],
    [null, 'object'],
  ])('refuses %s', (value, type) => {
    expect(thrown(() => splitFileId(value as never))).toMatchObject({
      code: 'FDFS_INVALID_FILE_ID',
      message: `a file ID is a string, not ${type}`,
    })
  })
})
