import { readFileSync } from 'node:fs'
import js from '@eslint/js'
import jest from 'eslint-plugin-jest'
import ts from 'typescript-eslint'

/** Which folder of src, or single file of one, may import which: read by this rule and by test/layers.test.ts. */
const layers = JSON.parse(readFileSync(new URL('./layers.json', import.meta.url), 'utf8'))

const layerRules = Object.entries(layers).map(([layer, allowed]) => ({
  files: layer === 'index' || layer.includes('/') ? [`src/${layer}.ts`] : [`src/${layer}/**/*.ts`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: Object.keys(layers)
          .filter((other) => !other.includes('/') && other !== layer.split('/')[0])
          .filter((other) => other !== 'index' && !allowed.includes(other))
          .map((other) => ({
            group: [`**/${other}/**`],
            message: `${layer} may not import ${other} (docs/design.md)`,
          })),
      },
    ],
  },
}))

export default ts.config(
  { ignores: ['dist/', 'docs/', 'coverage/', 'node_modules/', 'test/package/consumer/'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [...ts.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/require-await': 'off',
      'no-console': 'error',
    },
  },
  ...layerRules,
  {
    // Tests fake the global ones, and not those of a cluster.
    files: ['src/server/**/*.ts', 'src/testing/**/*.ts'],
    ignores: ['src/server/clock.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        ...['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'performance'].map((name) => ({
          name,
          message: 'take it from server/clock.ts, or from node:timers when the module is loaded',
        })),
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'take it from server/clock.ts' },
      ],
    },
  },
  { files: ['test/**/*.ts'], ...jest.configs['flat/recommended'] },
  {
    files: ['test/**/*.ts'],
    rules: {
      // Cases are made from tables, and assertions live in helpers.
      'jest/expect-expect': ['error', { assertFunctionNames: ['expect', 'expect*', 'fc.assert'] }],
      'jest/no-conditional-expect': 'off',
      'jest/no-standalone-expect': 'off',
      'no-console': 'off',
    },
  },
  {
    files: ['examples/**', 'bench/**', 'src/cli/**', 'test/**/run.ts', 'test/**/*.mjs', '*.cjs'],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['**/*.{js,mjs,cjs}'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        URL: 'readonly',
        module: 'writable',
        Buffer: 'readonly',
      },
    },
  },
)
