// Where the measurements take place: a chain with ten thousand registered validators, and a database.
import { join } from 'node:path'
import { createDatabase } from '../../test/helpers/databases.ts'
import { freePort } from '../../test/helpers/programs.ts'
import { FIRST_CUT, createWorld } from '../../test/helpers/muster.ts'
import type { ScaledClockOptions } from '../../keeper/base/time.ts'
import { SESSION_PATH } from '../../keeper/heartbeat/intake/frames.ts'
import type { IntakeOrder } from './intake.ts'
import type { LoadOrder } from './load.ts'
import { addressesOf } from './wallets.ts'

export interface Place {
  nodes: number
  intakeOrder(clock: ScaledClockOptions, settings?: IntakeOrder['settings']): IntakeOrder
  load: LoadOrder
  /** The beginning of cycle 1. */
  open: number
  close(): Promise<void>
}

// Below the default of MUSTER_INTAKE_PER_ADDRESS, 64: while a node reconnects its old session may linger.
const PER_ADDRESS = 50
const FUND_PREFIX = '0x2'

/** A place of its own for each part: no part sees what another one left. */
export async function openPlace(nodes: number): Promise<Place> {
  const members = addressesOf(nodes).map((node, index) => {
    return { node, fund: `${FUND_PREFIX}${index.toString(16).padStart(39, '0')}` }
  })
  const world = await createWorld({ members, isNodeApart: true, firstCut: FIRST_CUT })
  const database = await createDatabase()
  const port = await freePort()
  const url = `ws://127.0.0.1:${port}${SESSION_PATH}`
  return {
    nodes,
    open: FIRST_CUT,
    load: { url, nodes, perAddress: PER_ADDRESS },
    intakeOrder: (clock, settings = {}) => ({
      rpcUrl: world.node.url,
      home: world.home,
      databaseUrl: database.url,
      logFile: join(world.home, 'intake.log'),
      clock,
      settings: { intakePort: String(port), ...settings },
    }),
    close: async () => {
      await database.drop()
      await world.close()
    },
  }
}
