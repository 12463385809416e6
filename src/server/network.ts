import type { Socket, TcpNetConnectOpts } from 'node:net'
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { plainAddress } from './listener.js'

/** A connection that was taken. */
export interface TakenConnection {
  /** What to read from and write to. Destroys the socket when it is destroyed, and is destroyed with it. */
  readonly stream: Duplex
  /** The address of the peer as others are to be told of it. */
  readonly peerIp: string
}

/** How a server makes and takes its connections: the one place where a test can stand between it and its peers. */
export interface Network {
  /** Begins a connection to another server. */
  connect(options: TcpNetConnectOpts): Socket
  /** What to serve in the place of a socket just taken. */
  take(socket: Socket): TakenConnection
}

/** Nothing stands between. */
export const DIRECT_NETWORK: Network = {
  connect: (options) => connect(options),
  take: (socket) => ({ stream: socket, peerIp: plainAddress(socket.remoteAddress) }),
}
