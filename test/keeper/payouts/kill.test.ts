import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { systemClock } from '../../../keeper/base/time.ts'
import { attemptsOf, listJournal } from '../../../keeper/chain/journal/journal.ts'
import { readSideLog } from '../../../keeper/chain/journal/side-log-file.ts'
import { balanceOf } from '../../../keeper/ledger/balances.ts'
import { openStore } from '../../../keeper/store/open-store.ts'
import { createDatabase } from '../../helpers/databases.ts'
import type { TestDatabase } from '../../helpers/databases.ts'
import { COIN, assertBooksBalance } from '../../helpers/ledger.ts'
import { expectJournalWhole } from '../../helpers/oracle.ts'
import { openPaying, payeeAt } from '../../helpers/paying.ts'
import type { Paying } from '../../helpers/paying.ts'
import type { PayoutFile, PayoutOrder } from '../../helpers/payout-child.ts'
import { ON_POSTGRES } from '../../helpers/store.ts'

const CHILD = fileURLToPath(new URL('../../helpers/payout-child.ts', import.meta.url))
const EACH = 5n
const PAYEES = 3

/** In the order of a payment's life. */
const STEPS = [
  'accrued',
  'settled',
  'batch-made',
  'intent-stored',
  'signed-stored',
  'broadcast-accepted',
  'mined',
  'receipt-stored',
  'final',
  'batch-sent',
  'batch-booked',
] as const

// One chain and one store for all deaths: each process carries out what the one before left, then dies itself.
describe(`a process that pays programs, killed at each step (${ON_POSTGRES ? 'PostgreSQL' : 'PGlite'})`, function () {
  this.timeout(120_000)
  let paying: Paying
  let home: string
  let database: TestDatabase | undefined
  before(async () => {
    // A thousand payees at five each are within the funds.
    paying = await openPaying()
    home = await mkdtemp(join(tmpdir(), 'muster-kill-'))
    database = ON_POSTGRES ? await createDatabase() : undefined
  })
  after(async () => {
    await paying.close()
    await rm(home, { recursive: true, force: true })
    await database?.drop()
  })

  async function run(order: Partial<PayoutOrder>): Promise<'SIGKILL' | 0> {
    const place = { home, rpcUrl: paying.node.url, payouts: paying.contracts.address }
    const json = JSON.stringify({ ...place, databaseUrl: database?.url, ...order })
    const child = spawn(process.execPath, [CHILD, json], { stdio: ['ignore', 'ignore', 'pipe'] })
    const said: string[] = []
    child.stderr.on('data', (chunk: Buffer) => said.push(chunk.toString()))
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
    if (signal !== 'SIGKILL' && code !== 0) throw new Error(said.join(''))
    return signal === 'SIGKILL' ? 'SIGKILL' : 0
  }

  /** Payees of its own for each death. */
  function fileOf(step: number, count = PAYEES): PayoutFile {
    const payees = Array.from({ length: count }, (_, i) => payeeAt(step * 10_000 + i))
    return { name: `kill-${step}`, payees, each: String(EACH) }
  }

  async function expectPaidOnce({ payees }: PayoutFile): Promise<void> {
    const balances = await Promise.all(payees.map((payee) => paying.balanceOf(payee)))
    expect(balances).to.deep.equal(payees.map(() => EACH))
  }

  let last: PayoutFile | undefined
  const afterLast = (): Partial<PayoutOrder> => (last ? { before: last } : {})
  for (const [place, dieAt] of STEPS.entries()) {
    it(`Z-49 at '${dieAt}': the next one pays everybody once`, async () => {
      const now = fileOf(place)
      expect(await run({ ...afterLast(), now, dieAt })).to.equal('SIGKILL')
      // The step before this one was carried out by the process that has just died.
      if (last) await expectPaidOnce(last)
      last = now
    })
  }

  it('Z-49 between the batches for a thousand, one of whom refuses: the rest is paid once, and the books balance', async () => {
    const thousand = fileOf(STEPS.length, 1_000)
    const refuser = (await paying.refuser()).toLowerCase()
    thousand.payees[500] = refuser
    const died = await run({ ...afterLast(), now: thousand, dieAt: 'mined', dieOn: 2 })
    expect(died).to.equal('SIGKILL')
    expect(await run({ now: thousand })).to.equal(0)
    expect(await run({ now: thousand })).to.equal(0)

    const others = thousand.payees.filter((payee) => payee !== refuser)
    await expectPaidOnce({ ...thousand, payees: others })
    expect(await paying.creditOf(refuser)).to.equal(EACH)
    await expectBooks(BigInt(STEPS.length * PAYEES + others.length) * EACH, refuser)
  })

  async function expectBooks(paid: bigint, refuser: string): Promise<void> {
    const db = await openStore({ home, databaseUrl: database?.url, clock: systemClock })
    try {
      await assertBooksBalance(db)
      await expectJournalWhole(db, readSideLog(home, 'all'))
      expect(await balanceOf(db, 'paid:manual', COIN)).to.equal(paid)
      expect(await balanceOf(db, `credit:${refuser}`, COIN)).to.equal(EACH)
      expect(await balanceOf(db, 'inflight:manual', COIN)).to.equal(0n)
      const rows = await listJournal(db, { limit: 1_000 })
      expect(rows.map(({ state }) => state)).to.deep.equal(rows.map(() => 'final'))
      for (const { id } of rows) expect(await attemptsOf(db, id)).to.have.length(1)
    } finally {
      await db.close()
    }
  }
})
