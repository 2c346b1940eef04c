import type { Server } from './server.ts'

// The manual wants a scale of at least the number of clients: below it they wait for each other's branches.
const SCALE = 10
const CLIENTS = 8
const SECONDS = 5

export const PGBENCH = `pgbench TPC-B, scale ${SCALE}, ${CLIENTS} clients, ${SECONDS} s`

const DATABASE = 'tpcb'

/** Transactions a second, each time it is asked. */
export async function openPgbench(server: Server): Promise<() => Promise<number>> {
  await server.createDatabase(DATABASE)
  await server.run('pgbench', ['-i', '-q', '-s', `${SCALE}`, DATABASE])
  return async () => {
    const load = ['-c', `${CLIENTS}`, '-j', '2', '-T', `${SECONDS}`, DATABASE]
    const said = await server.run('pgbench', load)
    const tps = /^tps = ([0-9.]+) \(without/m.exec(said)?.[1]
    if (tps === undefined) throw new Error(`pgbench said no tps:\n${said}`)
    return Number(tps)
  }
}
