// One part of a round, in a process of its own: its memory is its own, and no part profits from the one before. Prints
// what it found as a line of JSON.
import { parseArgs } from 'node:util'
import { silentLogger } from '../../keeper/base/log.ts'
import type { Address } from '../../keeper/base/schema.ts'
import { systemClock } from '../../keeper/base/time.ts'
import { makeMonthsAhead } from '../../keeper/ledger/months.ts'
import type { ReachPayees } from '../../keeper/payouts/room.ts'
import { settle } from '../../keeper/payouts/settlement.ts'
import { readRuleset } from '../../keeper/programs/partners/ruleset.ts'
import { partnersProgram } from '../../keeper/programs/partners/program.ts'
import { openStore } from '../../keeper/store/open-store.ts'
import type { Db } from '../../keeper/store/db.ts'
import { LOAD_ASSET, landLoad, runLoad } from '../../test/helpers/partner-load.ts'
import { peerStatement, peerUpserts } from './peer-sql.ts'

export interface PartFound {
  seconds: number
  peakMB: number
}

const { values } = parseArgs({
  options: {
    part: { type: 'string', default: '' },
    home: { type: 'string', default: '' },
    url: { type: 'string' },
    partners: { type: 'string', default: '' },
    votes: { type: 'string', default: '' },
  },
})

// The load's partners are named as their wallets would be.
const atOwnAddress: ReachPayees = async (_t, _program, payees) =>
  new Map(payees.map((payee) => [payee, { address: payee as Address }]))

const PARTS: Record<string, (db: Db) => Promise<unknown>> = {
  land: (db) => landLoad(db, Number(values.partners), Number(values.votes)),
  hour: (db) => runLoad(db, 'hour'),
  day: (db) => runLoad(db, 'day'),
  settle: (db) => {
    const room = { db, clock: systemClock, log: silentLogger, reach: atOwnAddress }
    return settle(room, partnersProgram(LOAD_ASSET))
  },
  statement: async (db) => peerStatement(db, await readRuleset()),
  upserts: peerUpserts,
}

const run = PARTS[values.part]
if (run === undefined) throw new Error(`there is no part ${values.part}`)
const db = await openStore({ databaseUrl: values.url, home: values.home, clock: systemClock })
await makeMonthsAhead(db, systemClock)
const start = performance.now()
// Some look for something first, and tell what the rest took.
const told = await run(db)
const seconds = typeof told === 'number' ? told : (performance.now() - start) / 1_000
const found: PartFound = { seconds, peakMB: process.resourceUsage().maxRSS / 1_024 }
await db.close()
console.log(JSON.stringify(found))
