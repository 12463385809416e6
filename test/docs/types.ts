/** Type-checks programs that are in no file. */
import { join } from 'node:path'
import ts from 'typescript'

const root = join(__dirname, '../..')

/**
 * What is wrong in the programs, as `path:line: message`.
 *
 * @param sources - by path
 * @param more - options that count more than tsconfig.json
 */
export function wrongTypes(
  sources: ReadonlyMap<string, string>,
  more: ts.CompilerOptions = {},
): readonly string[] {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => ts.sys.readFile(path)) as {
    config: object
  }
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root)
  // A name that is only shown is used nowhere.
  const shown = { ...options, noUnusedLocals: false, ...more }
  const disk = ts.createCompilerHost(shown)
  const host: ts.CompilerHost = {
    ...disk,
    fileExists: (path) => sources.has(path) || disk.fileExists(path),
    readFile: (path) => sources.get(path) ?? disk.readFile(path),
    getSourceFile: (path, version, ...rest) => {
      const text = sources.get(path)
      return text === undefined
        ? disk.getSourceFile(path, version, ...rest)
        : ts.createSourceFile(path, text, version)
    },
  }
  const program = ts.createProgram([...sources.keys()], shown, host)
  return ts.getPreEmitDiagnostics(program).map(({ file, start = 0, messageText }) => {
    const line = (file?.getLineAndCharacterOfPosition(start).line ?? 0) + 1
    return `${file?.fileName}:${line}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`
  })
}
