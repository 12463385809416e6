import { Command } from 'commander'
import { isFastDfsError } from '../errors.js'
import { storageCommand, trackerCommand } from './member.js'
import { serveCommand } from './serve.js'
import { VERSION } from './version.js'

const program = new Command('fastdfs')
  .description('FastDFS for Node: an embedded cluster, and tools for real ones')
  .version(VERSION)
  .addCommand(serveCommand())
  .addCommand(trackerCommand())
  .addCommand(storageCommand())

program.parseAsync().catch((error: unknown) => {
  // Our own errors say what to do; of any other the stack is wanted.
  console.error(isFastDfsError(error) ? `fastdfs: ${error.message}` : error)
  process.exitCode = 1
})
