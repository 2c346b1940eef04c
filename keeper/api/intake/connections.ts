import type { Server, Socket } from 'node:net'
import { addressKey } from '../../heartbeat/intake/limits.ts'
import type { Proxies } from './remote-address.ts'

// Beside its sessions an address may ask something, and close slowly what it had before.
const SPARE_PER_ADDRESS = 32

/**
 * Connections of one address are bounded before a byte of them is read: many slow ones from one place must not
 * take the places of the others. A proxy of ours speaks for many.
 */
export function limitConnections(
  server: Server,
  sessionsPerAddress: number,
  proxies: Proxies,
  onRefused: () => void,
): void {
  const limit = sessionsPerAddress + SPARE_PER_ADDRESS
  const held = new Map<string, number>()
  server.on('connection', (socket: Socket) => {
    const remote = (socket.remoteAddress ?? '').replace(/^::ffff:/, '')
    if (proxies.trusts(remote)) return
    const key = addressKey(remote)
    const count = held.get(key) ?? 0
    if (count >= limit) {
      onRefused()
      socket.destroy()
      return
    }
    held.set(key, count + 1)
    socket.once('close', () => {
      const left = (held.get(key) ?? 1) - 1
      if (left > 0) held.set(key, left)
      else held.delete(key)
    })
  })
}
