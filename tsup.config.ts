import { defineConfig, type Options } from 'tsup'

const library: Options = {
  entry: { index: 'src/index.ts', protocol: 'src/protocol/index.ts', testing: 'src/testing/index.ts' },
  target: 'node20',
  platform: 'node',
  dts: true,
  sourcemap: true,
  // One shared chunk for what several entry points use: one FastDfsError class across them, in CJS too.
  splitting: true,
  treeshake: false,
  clean: false,
}

export default defineConfig([
  { ...library, format: 'esm' },
  // p-retry is ESM only; bundled, the CJS build works on every Node 20.
  { ...library, format: 'cjs', noExternal: ['p-retry', 'is-network-error'] },
  {
    entry: { cli: 'src/cli/main.ts' },
    format: 'esm',
    target: 'node20',
    platform: 'node',
    clean: false,
    noExternal: ['commander'],
    banner: {
      js: "#!/usr/bin/env node\nimport { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  },
])
