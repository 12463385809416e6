import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const HERE = fileURLToPath(new URL('.', import.meta.url))

/**
 * Compiles what is measured as the package is compiled, and gives the folder's scripts. tsx would not do: it wraps
 * every function that is made in a call that names it, which is no small part of a small request.
 */
export async function bundle(folder: string): Promise<Scripts> {
  await build({
    entryPoints: ['agent', 'cluster-process', 'neutral-process', 'startup-process'].map((name) =>
      join(HERE, `${name}.ts`),
    ),
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    sourcemap: true,
    // generic-pool and debug are CJS and require Node's modules.
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
    },
    logLevel: 'warning',
  })
  return {
    agent: join(folder, 'agent.mjs'),
    cluster: join(folder, 'cluster-process.mjs'),
    neutral: join(folder, 'neutral-process.mjs'),
    startup: join(folder, 'startup-process.mjs'),
  }
}

/** The paths of the programs that are run beside the benchmark itself. */
export interface Scripts {
  readonly agent: string
  readonly cluster: string
  readonly neutral: string
  readonly startup: string
}
