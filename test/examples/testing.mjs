// Does what examples/testing/README.md says, with the packed tarball, in an empty folder.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

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
