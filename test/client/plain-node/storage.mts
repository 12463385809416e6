/** A storage in a process of its own: drops what is uploaded, and serves zeros of the size it was told. */
import { header, serve, STORED } from './servers.mjs'

const size = Number(process.argv[2])
const ZEROS = Buffer.alloc(1024 * 1024)

const port = await serve((socket) => {
  socket.ref()
  let missing = 0
  socket.on('data', (chunk) => {
    if (missing > 0) missing -= chunk.length
    else if (chunk[8] === 11) missing = 10 + Number(chunk.readBigInt64BE(0)) - chunk.length
    else {
      socket.write(header(size))
      let left = size
      const more = (): void => {
        while (left > 0) {
          const piece = ZEROS.subarray(0, left)
          left -= piece.length
          if (!socket.write(piece)) return void socket.once('drain', more)
        }
      }
      return more()
    }
    if (missing === 0) socket.write(STORED)
  })
})
// Lives as long as the program that started it.
process.once('disconnect', () => process.exit())
process.send?.(port)
