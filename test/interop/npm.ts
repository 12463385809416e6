/** One of the npm clients, in a process of its own: some throw where nobody can catch it. Prints what works. */
import { readFile } from 'node:fs/promises'
import { type NpmClient, npmClient } from '../../bench/npm-client.js'

/** Milliseconds for a call. */
const LIMIT = 10_000

const [name, folder, file, ...trackers] = process.argv.slice(2) as [NpmClient, string, string, ...string[]]
const content = await readFile(file)
const client = npmClient(name, folder, trackers)
let id = ''
const calls: Record<string, () => Promise<boolean>> = {
  upload: async () => (id = await client.upload(content)).startsWith('group'),
  'upload of a path': async () => (await client.uploadPath(file)).startsWith('group'),
  download: async () => (await client.download(id)).equals(content),
  metadata: async () => (await client.metadata(id)) > 0,
  info: async () => (await client.info(id)) === content.length,
  delete: () => client.delete(id).then(() => true),
}
for (const [call, task] of Object.entries(calls)) {
  let timer: NodeJS.Timeout | undefined
  const silence = new Promise<string>((resolve) => (timer = setTimeout(resolve, LIMIT, 'no answer')))
  const outcome = task().then(
    (isRight) => (isRight ? 'ok' : 'wrong'),
    (error: unknown) => `fails (${String(error).slice(0, 80)})`,
  )
  console.log(`${call} ${await Promise.race([outcome, silence])}`)
  clearTimeout(timer)
}
// Some keep their connections.
process.exit()
