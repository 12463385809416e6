const esmOnly = ['p-retry', 'is-network-error']

/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  // Nothing waits for the clock; a busy machine only takes longer.
  testTimeout: 30_000,
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '^.+\\.[tj]s$': [
      '@swc/jest',
      {
        jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
        module: { type: 'commonjs' },
        sourceMaps: 'inline',
      },
    ],
  },
  transformIgnorePatterns: [`/node_modules/(?!(${esmOnly.join('|')})/)`],
  coverageProvider: 'v8',
  collectCoverageFrom: ['src/**/*.ts'],
}
