/** Reads a recorded conversation with the protocol's definitions, and tells what was said. */
import { readFile } from 'node:fs/promises'
import { decodeHeader, decodeRequest, decodeResponse, findCommand } from 'fastdfs/protocol'

interface Connection {
  to: 'tracker' | 'storage'
  packets: { dir: 'request' | 'response'; hex: string }[]
}

const lines = (await readFile('test/fixtures/captures/v6.16.1.jsonl', 'utf8')).trim().split('\n')
for (const { to, packets } of lines.slice(10, 30).map((line) => JSON.parse(line) as Connection)) {
  let command: ReturnType<typeof findCommand>
  for (const { dir, hex } of packets) {
    const packet = Buffer.from(hex, 'hex')
    const header = decodeHeader(packet)
    if (dir === 'request') command = findCommand(to, header.command)
    if (command === undefined) continue
    const fields = () =>
      dir === 'request' ? decodeRequest(command!, packet) : decodeResponse(command!, packet)
    console.log(`${to} ${dir} ${command.name}`, header.status === 0 ? fields() : `status ${header.status}`)
  }
}
