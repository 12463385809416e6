// Does what examples/testing/README.md says, with the packed tarball, in an empty folder.
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

// What is packed is what was built: without it the example could only say that a module is missing.
if (!existsSync('dist/testing.js')) {
  console.error('examples:testing packs what was built, and dist is missing: run `npm run build` first')
  process.exit(1)
}

const folder = mkdtempSync(join(tmpdir(), 'fastdfs-example-'))
const npm = (args, cwd, stdio) => execFileSync('npm', args, { cwd, encoding: 'utf8', stdio })

try {
  const packed = npm(['pack', '--json', '--ignore-scripts', '--pack-destination', folder], process.cwd())
  const [{ filename }] = JSON.parse(packed)
  const app = join(folder, 'app')
  cpSync('examples/testing', app, { recursive: true })
  npm(['install', '--no-audit', '--no-fund', join(folder, filename)], app, 'inherit')
  npm(['test'], app, 'inherit')
} finally {
  rmSync(folder, { recursive: true })
}
