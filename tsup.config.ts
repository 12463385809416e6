import { transform } from 'esbuild'
import { defineConfig, type Options } from 'tsup'

const library: Options = {
  entry: {
    index: 'src/index.ts',
    protocol: 'src/protocol/index.ts',
    prometheus: 'src/observe/prometheus.ts',
    http: 'src/http/index.ts',
    testing: 'src/testing/index.ts',
    'testing/jest': 'src/testing/jest.ts',
    compat: 'src/compat/index.ts',
  },
  target: 'node20',
  platform: 'node',
  format: 'esm',
  dts: true,
  sourcemap: true,
  // Shared chunks for what several entry points use: each class exists once, in CJS too.
  splitting: true,
  treeshake: false,
  clean: false,
}

/**
 * CJS is made from the same chunks. tsup's own way, sucrase, would also rewrite `?.`, `??` and static fields, which
 * costs time in hot paths and changes the order in which static blocks run.
 */
const toCommonJs: NonNullable<Options['plugins']>[number] = {
  name: 'to-commonjs',
  async renderChunk(code, { map }) {
    const result = await transform(code, {
      format: 'cjs',
      target: 'node20',
      sourcemap: map ? 'external' : false,
    })
    return { code: result.code, map: result.map }
  },
}

export default defineConfig([
  library,
  {
    ...library,
    dts: false,
    outExtension: () => ({ js: '.cjs' }),
    // p-retry is ESM only; bundled, CJS works on every Node 20.
    noExternal: ['p-retry', 'is-network-error'],
    plugins: [toCommonJs],
  },
  { ...library, format: 'cjs', dts: { only: true } },
  {
    entry: { cli: 'src/cli/main.ts' },
    format: 'esm',
    target: 'node20',
    platform: 'node',
    clean: false,
    noExternal: ['commander'],
    banner: {
      // commander is CJS and requires Node's modules.
      js: "#!/usr/bin/env node\nimport { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  },
])
