import type { Cluster } from '../testing/index.js'

/** A cluster as other programs read it. */
export function describeCluster(cluster: Cluster): object {
  return {
    ready: true,
    pid: process.pid,
    trackers: cluster.trackers.map(({ name, host, port, state }) => ({ name, host, port, state })),
    storages: cluster.storages.map(({ name, group, id, host, port, state }) => ({
      name,
      group,
      id,
      host,
      port,
      state,
    })),
    env: cluster.env(),
    seeded: cluster.seeded.map(({ id }) => id),
  }
}

/** A cluster as people read it. */
export function describeInWords(cluster: Cluster, dir: string | undefined): string {
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
