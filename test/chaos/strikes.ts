/** What is done to the members of a cluster: by the harness, or by commands of its operator. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Cluster, Member } from '../../src/testing/index.js'
import type { Random } from './random.js'

const run = promisify(execFile)

/** A strike that has happened. */
export interface Strike {
  readonly text: string
  /** Undoes it. */
  heal(): Promise<void>
}

/** Strikes, one at a time. */
export type Striker = (random: Random) => Promise<Strike>

/** Kills, pauses, parts and restarts members of an embedded cluster. */
export function strikerOf(cluster: Cluster): Striker {
  return async (random) => {
    const members: readonly Member[] = [...cluster.trackers, ...cluster.storages]
    const member = random.one(members) as Member
    const other = random.one(members.filter((one) => one !== member)) as Member
    const silent = random.below(2) === 0
    const how = silent ? ', silently' : ''
    switch (random.below(5)) {
      case 0:
        await member.kill()
        return { text: `${member.name} is killed`, heal: () => member.start() }
      case 1:
        await member.stop()
        return { text: `${member.name} is stopped`, heal: () => member.start() }
      case 2:
        member.pause()
        return { text: `${member.name} is paused`, heal: async () => member.resume() }
      case 3: {
        const partition = cluster.partition(member, 'clients', { silent })
        return {
          text: `${member.name} is parted from clients${how}`,
          heal: async () => partition.remove(),
        }
      }
      default: {
        const partition = cluster.partition(member, other, { silent })
        return {
          text: `${member.name} is parted from ${other.name}${how}`,
          heal: async () => partition.remove(),
        }
      }
    }
  }
}

/** Runs commands of the operator, in a shell; `CHAOS_DRAW` holds a number that the seed decides, to choose by. */
export function commandStriker(strike: string, heal: string | undefined): Striker {
  const inShell = async (command: string, draw: number): Promise<void> => {
    await run('/bin/sh', ['-c', command], { env: { ...process.env, CHAOS_DRAW: String(draw) } })
  }
  return async (random) => {
    const draw = random.below(2 ** 31)
    await inShell(strike, draw)
    return {
      text: `CHAOS_DRAW=${draw} ${strike}`,
      heal: async () => {
        if (heal !== undefined) await inShell(heal, draw)
      },
    }
  }
}
