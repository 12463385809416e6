import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

it('the example of a user asks for a build where there is none', () => {
  const cwd = mkdtempSync(join(tmpdir(), 'fastdfs-unbuilt-'))
  try {
    const { status, stderr } = spawnSync(process.execPath, [join(__dirname, 'testing.mjs')], {
      cwd,
      encoding: 'utf8',
    })
    expect(stderr).toContain('dist is missing: run `npm run build` first')
    expect(status).toBe(1)
  } finally {
    rmSync(cwd, { recursive: true })
  }
})
