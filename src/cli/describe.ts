import type { Cluster, StorageMember } from '../testing/index.js'

/** A cluster as other programs read it. */
export function describeCluster(cluster: Cluster): object {
  return {
    ready: true,
    pid: process.pid,
    trackers: cluster.trackers.map(({ name, host, port, state }) => ({ name, host, port, state })),
    storages: cluster.storages.map((storage) => ({
      name: storage.name,
      group: storage.group,
      id: storage.id,
      host: storage.host,
      port: storage.port,
      state: storage.state,
      http: cluster.hasHttp ? httpOf(cluster, storage) : undefined,
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
    ...(cluster.hasHttp
      ? cluster.storages.map((storage) => `${storage.name}: ${httpOf(cluster, storage)}`)
      : []),
    '',
    '# client.conf',
    cluster.clientConf(),
  ].join('\n')
}

/** Where the HTTP side of a storage is. */
function httpOf(cluster: Cluster, storage: StorageMember): string {
  const index = cluster.storages.filter(({ group }) => group === storage.group).indexOf(storage)
  return `${cluster.http(storage.group, index).url}/`
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}
