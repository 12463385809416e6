/** Which folder of src imports which: the same table as the lint rule's. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, resolve, dirname } from 'node:path'

const root = join(__dirname, '..')
const src = join(root, 'src')
const layers = JSON.parse(readFileSync(join(root, 'layers.json'), 'utf8')) as Record<string, string[]>

const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))

function layerOf(file: string): string {
  const [first = ''] = file.split('/')
  return first.replace(/\.ts$/, '')
}

function importsOf(file: string): string[] {
  return [
    ...readFileSync(join(src, file), 'utf8').matchAll(/(?:from\s+|import\s+|import\(\s*)'(\.[^']*)'/g),
  ].map(([, path = '']) => relative(src, resolve(src, dirname(file), path)))
}

it.each(files)('src/%s imports only what its layer may', (file) => {
  const layer = layerOf(file)
  // One file may have a row of its own.
  const row = layers[file.replace(/\.ts$/, '')] ?? layers[layer] ?? []
  const allowed = layer === 'errors' ? [] : [layer, 'errors', ...row]
  const found = [...new Set(importsOf(file).map((path) => layerOf(path.replace(/\.js$/, '.ts'))))]
  expect(allowed).toEqual(expect.arrayContaining(found))
})

it('knows every folder of src', () => {
  const folders = new Set(files.map(layerOf).filter((layer) => layer !== 'errors'))
  const rows = Object.keys(layers).filter((layer) => !layer.includes('/'))
  expect(rows.sort()).toEqual([...folders].sort())
})
