/** Everything that the package exports is documented, down to the members of interfaces and classes. */
import { join } from 'node:path'
import ts from 'typescript'

const root = join(__dirname, '..')
const entries = [
  'index',
  'protocol/index',
  'http/index',
  'observe/prometheus',
  'testing/index',
  'compat/index',
].map((name) => join(root, 'src', `${name}.ts`))

function undocumented(): string[] {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => ts.sys.readFile(path)) as {
    config: object
  }
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root)
  const program = ts.createProgram(entries, options)
  const checker = program.getTypeChecker()
  const missing = new Set<string>()

  const isOurs = (symbol: ts.Symbol): boolean =>
    symbol.declarations?.some((declaration) =>
      declaration.getSourceFile().fileName.startsWith(join(root, 'src')),
    ) ?? false
  const isDocumented = (symbol: ts.Symbol): boolean => symbol.getDocumentationComment(checker).length > 0
  const hasHiddenTag = (symbol: ts.Symbol): boolean =>
    symbol.getJsDocTags().some(({ name }) => name === 'internal')

  for (const entry of entries) {
    const module = checker.getSymbolAtLocation(program.getSourceFile(entry) as ts.SourceFile) as ts.Symbol
    for (const exported of checker.getExportsOfModule(module)) {
      const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported
      if (!isOurs(symbol) || symbol.flags & ts.SymbolFlags.Module) continue
      if (!isDocumented(symbol)) missing.add(symbol.name)
      for (const member of symbol.members?.values() ?? []) {
        const isPublic =
          !member.name.startsWith('#') &&
          member.name !== '__constructor' &&
          !(member.flags & ts.SymbolFlags.TypeParameter)
        if (isPublic && isOurs(member) && !isDocumented(member) && !hasHiddenTag(member)) {
          missing.add(`${symbol.name}.${member.name}`)
        }
      }
    }
  }
  return [...missing]
}

it('has a description for every export', () => {
  expect(undocumented()).toEqual([])
}, 60_000)
