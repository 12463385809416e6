import { resolve } from 'node:path'
import { ConfigError } from '../../errors.js'
import { readConfigFile } from './file.js'
import type { ReadFile } from './file.js'
import type { Setting } from './settings.js'
import { Settings } from './settings.js'

/**
 * Reads a `.properties` file as `java.util.Properties` does: `name = value`, `name: value` or `name value`, `#` or `!`
 * at the start of a line for comments, a backslash at the end of a line to go on in the next one, escapes such as
 * `\u4e2d`, in ISO 8859-1.
 *
 * @param read - gives the bytes of a file
 * @throws {@link ConfigError} that names file and line
 */
export function readProperties(path: string, read: ReadFile = readConfigFile): Settings {
  const file = resolve(path)
  return new Settings(settingsOf(Buffer.from(read(file)).toString('latin1'), file))
}

function* settingsOf(text: string, file: string): Generator<Setting> {
  const lines = text.split(/\r\n|\r|\n/)
  for (let i = 0; i < lines.length; i++) {
    const place = `${file}:${i + 1}`
    let line = trimStart(lines[i] as string)
    if (line === '' || /^[#!]/.test(line)) continue
    // An even number of backslashes at the end stands for half as many of them.
    while (/(?<!\\)(?:\\\\)*\\$/.test(line)) line = line.slice(0, -1) + trimStart(lines[++i] ?? '')
    const [, name = '', value = ''] = /^((?:[^\\=: \t\f]|\\.)*)[ \t\f]*[=:]?[ \t\f]*(.*)$/s.exec(line) ?? []
    yield { name: unescape(name, place), value: unescape(value, place), place }
  }
}

const trimStart = (line: string): string => line.replace(/^[ \t\f]+/, '')

const ESCAPES: Readonly<Record<string, string>> = { t: '\t', n: '\n', f: '\f', r: '\r' }

function unescape(text: string, place: string): string {
  return text.replace(/\\(u[0-9A-Fa-f]{4}|.)/gs, (_, escaped: string) => {
    if (escaped.length > 1) return String.fromCharCode(parseInt(escaped.slice(1), 16))
    if (escaped === 'u') throw new ConfigError(`${place}: \\u must be followed by four hexadecimal digits`)
    return ESCAPES[escaped] ?? escaped
  })
}
