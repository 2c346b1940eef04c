import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'

export interface TcpProxy {
  /** The same URL, led through the proxy. */
  url: string
  /** What a server that goes down looks like: connections break, new ones are refused. */
  cut(): void
  restore(): Promise<void>
  close(): Promise<void>
}

/** Told what goes by; false: it is lost, and the connection with it. */
export type Watch = (bytes: Buffer, to: 'server' | 'client') => boolean

export async function tcpProxy(target: string, watch: Watch = () => true): Promise<TcpProxy> {
  const { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  let server: Server | undefined
  let ownPort = 0

  const listen = async (): Promise<void> => {
    server = createServer((near) => {
      const far = connect(Number(port || 5432), hostname)
      for (const [from, to, name] of [
        [near, far, 'server'],
        [far, near, 'client'],
      ] as const) {
        sockets.add(from)
        from.on('error', () => to.destroy())
        from.on('close', () => {
          sockets.delete(from)
          to.destroy()
        })
        from.on('data', (bytes) => {
          if (!watch(bytes, name)) from.destroy()
          else if (!to.write(bytes)) from.pause()
        })
        to.on('drain', () => from.resume())
        from.on('end', () => to.end())
      }
    })
    server.listen(ownPort, '127.0.0.1')
    await once(server, 'listening')
    ownPort = (server.address() as AddressInfo).port
  }
  const cut = (): void => {
    server?.close()
    for (const socket of sockets) socket.destroy()
  }

  await listen()
  const url = new URL(target)
  url.hostname = '127.0.0.1'
  url.port = String(ownPort)
  return {
    url: url.href,
    cut,
    restore: listen,
    close: async () => cut(),
  }
}
