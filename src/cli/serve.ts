import { once } from 'node:events'
import { Command, InvalidArgumentError } from 'commander'
import type { Cluster } from '../testing/index.js'
import { startCluster } from '../testing/index.js'

interface ServeOptions {
  host: string
  port: number
  trackers: number
  groups: number
  storages: number
  dir?: string
}

/** `fastdfs serve`: the embedded cluster as a process. */
export function serveCommand(): Command {
  return new Command('serve')
    .description('run an embedded cluster until SIGINT or SIGTERM')
    .option('--host <address>', 'the address that every member listens on', '127.0.0.1')
    .option(
      '--port <number>',
      'the port of the first tracker, the others follow; 0: any free ones',
      integer(0, 65_535),
      22_122,
    )
    .option('--trackers <count>', 'how many trackers', integer(1, 16), 1)
    .option('--groups <count>', 'how many groups', integer(1, 512), 1)
    .option('--storages <count>', 'how many storages in each group', integer(1, 32), 1)
    .option('--dir <folder>', 'keep files below this folder; without it, in memory')
    .action(serve)
}

async function serve({ dir, port, ...options }: ServeOptions): Promise<void> {
  const cluster = await startCluster({
    ...options,
    ports: { trackers: port },
    store: dir === undefined ? 'memory' : { dir },
  })
  console.log(describe(cluster, dir))
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  await cluster.stop()
}

function describe(cluster: Cluster, dir: string | undefined): string {
  const groups = new Set(cluster.storages.map(({ group }) => group))
  return [
    `FastDFS is ready: ${count(cluster.trackers.length, 'tracker')}, ${count(groups.size, 'group')}, ${count(cluster.storages.length, 'storage')}, files ${dir === undefined ? 'in memory' : `in ${dir}`}`,
    '',
    `FASTDFS_TRACKERS=${cluster.env().FASTDFS_TRACKERS}`,
    '',
    '# client.conf',
    cluster.clientConf(),
  ].join('\n')
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}

function integer(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`it must be a whole number from ${min} to ${max}.`)
    }
    return value
  }
}
