import { dirname, resolve } from 'node:path'
import { ConfigError } from '../../errors.js'
import { decodeUtf8, localFile, NOT_UTF8, readConfigFile } from './file.js'
import type { ReadFile } from './file.js'
import { within } from './place.js'
import type { Setting } from './settings.js'
import { Settings } from './settings.js'

/** How deep files may include each other. */
const MAX_DEPTH = 16
/** libfastcommon cuts longer values, and so would read another tracker or key than we. */
const MAX_VALUE_BYTES = 255

/** An INI file, what it includes among it. */
export interface IniFile {
  /** What stands before the first section, or in `name`: in all sections of that name together. */
  section(name?: string): Settings
}

/**
 * Reads an INI file as libfastcommon does (protocol.md §8.1): `name = value`, `[section]`, `#` at the start of a line
 * for comments, `#include FILE`, repeated names as lists; lines that are none of these mean nothing.
 *
 * Relative includes start at the folder of the first file, also those in a file that is itself included. Before and
 * after an include there is no section. `#@if`, `#@for`, `#@set`, `#@function` and `#@add_annotation` are refused:
 * they ask for the machine's addresses, run programs or load libraries, and to take them for comments, as the old
 * libraries did, would make the same file mean something else.
 *
 * @param read - gives the bytes of a file
 * @throws {@link ConfigError} that names file and line
 */
export function readIni(path: string, read: ReadFile = readConfigFile): IniFile {
  const sections = new Map<string, Setting[]>()
  const first = resolve(path)

  function load(file: string, includedFrom: readonly string[]): void {
    let section = ''
    const lines = decodeUtf8(read(file), file).split('\n')
    lines.forEach((text, index) => {
      const line = trim(text)
      const place = `${file}:${index + 1}`
      const name = /^\[(.*)\]$/s.exec(line)?.[1]
      if (line.startsWith('#')) {
        const included = directive(line, place)
        if (included === undefined) return
        within(place, () => include(resolve(dirname(first), included), [...includedFrom, file]))
        section = ''
      } else if (name !== undefined) {
        section = trim(name)
      } else if (line.includes('=')) {
        const settings = sections.get(section) ?? []
        settings.push(readSetting(line, place))
        sections.set(section, settings)
      }
    })
  }

  function include(file: string, from: readonly string[]): void {
    if (from.includes(file)) throw new ConfigError(`files include each other: ${[...from, file].join(', ')}`)
    if (from.length > MAX_DEPTH) throw new ConfigError(`files include each other more than ${MAX_DEPTH} deep`)
    load(file, from)
  }

  include(first, [])
  return { section: (name = '') => new Settings(sections.get(name) ?? []) }
}

/** The file that a line beginning with `#` includes; undefined for a comment. */
function directive(line: string, place: string): string | undefined {
  const refused = /^#@(?:if|for|set|function|add_annotation)(?![^ \t])/i.exec(line)?.[0]
  if (refused !== undefined) {
    throw new ConfigError(`${place}: ${refused} is not supported: write what it stands for`)
  }
  const file = /^#include[ \t]+(.+)$/is.exec(line)?.[1]
  return file === undefined ? undefined : within(place, () => localFile(file))
}

function readSetting(line: string, place: string): Setting {
  const equals = line.indexOf('=')
  const value = trim(line.slice(equals + 1))
  return { name: trim(line.slice(0, equals)), value, place, fault: faultOf(value) }
}

function faultOf(value: string): string | undefined {
  if (value.includes(NOT_UTF8)) return 'is not valid UTF-8'
  if (Buffer.byteLength(value) > MAX_VALUE_BYTES) return `is longer than ${MAX_VALUE_BYTES} bytes`
  return undefined
}

/** Not `trim()`, which takes more characters for blanks than C. */
const trim = (text: string): string => text.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, '')
