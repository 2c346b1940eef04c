import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import type { Address } from '../../keeper/base/schema.ts'
import { hourOf, hoursOf, startOfHour, systemClock } from '../../keeper/base/time.ts'
import { attemptsOf, listJournal } from '../../keeper/chain/journal/journal.ts'
import { openSender } from '../../keeper/chain/sending/sender.ts'
import type { Sender } from '../../keeper/chain/sending/sender.ts'
import { walletSigner } from '../../keeper/chain/keys/signer.ts'
import { pushHour } from '../../keeper/heartbeat/snapshot.ts'
import { toWords } from '../../keeper/heartbeat/words.ts'
import { openStore } from '../../keeper/store/open-store.ts'
import { auditChain } from '../../keeper/verify/audit-chain.ts'
import { countOf } from '../helpers/chain.ts'
import type { DayOrder } from '../helpers/day-child.ts'
import { expectJournalComplete, expectPaidOnce } from '../helpers/day-oracle.ts'
import { KEYS } from '../helpers/deploy.ts'
import { DEV_KINDS, KINDS, deployCounter } from '../helpers/foreign-nodes.ts'
import { ETHER, createWorld, makeMembers, withKeeper } from '../helpers/muster.ts'
import type { World } from '../helpers/muster.ts'
import { intentFor, sendingOptions } from '../helpers/sending.ts'
import { freshDb } from '../helpers/store.ts'

const CHILD = fileURLToPath(new URL('../helpers/day-child.ts', import.meta.url))
const MEMBERS = 25
const BATCHES = 3
const HOURS = 24

for (const kind of KINDS) {
  describe(`the daily job against ${kind.name}`, function () {
    this.timeout(180_000)
    let world: World

    beforeEach(async () => {
      const { finality, start } = kind
      const startNode = (unix: number): ReturnType<typeof start> => start({ automine: true, unix })
      world = await createWorld({ members: makeMembers(MEMBERS), startNode, finality })
    })
    // Undefined where it could not be made.
    afterEach(() => (world as World | undefined)?.close())

    /** Hours [from, to) of the first cycle, everybody up, each at its time, by a keeper of their own. */
    async function push(from: number, to: number): Promise<void> {
      const hours = hoursOf(hourOf(world.muster.deployment.firstCut), 1).slice(from, to)
      const everybody = toWords(
        Array.from({ length: MEMBERS }, (_, index) => index),
        1,
      )
      await withKeeper(world, async (keeper) => {
        for (const hour of hours) {
          await world.moveTo(startOfHour(hour + 1) + (hour === hours.at(-1) ? 0 : 5))
          await pushHour(keeper, { hour, words: everybody, source: 'test' })
        }
      })
    }

    async function runDay(order: Partial<DayOrder> = {}): Promise<number | 'SIGKILL'> {
      const { finality } = kind
      const place = { rpcUrl: world.node.url, home: world.home, finality }
      const json = JSON.stringify({ ...place, ...order })
      const child = spawn(process.execPath, [CHILD, json], { stdio: ['ignore', 'ignore', 'pipe'] })
      const said: string[] = []
      child.stderr.on('data', (chunk: Buffer) => said.push(chunk.toString()))
      const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
      if (signal !== 'SIGKILL' && code !== 0) throw new Error(said.join(''))
      return signal === 'SIGKILL' ? 'SIGKILL' : (code ?? -1)
    }

    it('S-04 S-06 24 pushes with a restart among them, a kill in the batches: paid once, the books verify', async () => {
      await push(0, HOURS / 2)
      await push(HOURS / 2, HOURS)
      const killed = { dieAt: 'broadcast-accepted', kind: 'transfer', dieOn: 2 }
      expect(await runDay(killed)).to.equal('SIGKILL')
      expect(await runDay()).to.equal(0)
      await expectPaidOnce(world, { members: MEMBERS, share: ETHER / BigInt(MEMBERS), cycles: 1 })
      const db = await openStore({ home: world.home, clock: systemClock })
      try {
        const rows = await expectJournalComplete(world, db)
        const kinds = rows.map((row) => row.kind)
        expect(kinds).to.deep.equal(['extract', ...Array<string>(BATCHES).fill('transfer')])
        const all = await listJournal(db, { limit: 1_000 })
        expect(all.filter((row) => row.kind !== 'extract')).to.have.length(HOURS + BATCHES)
        for (const { id } of all) expect(await attemptsOf(db, id)).to.have.length(1)
      } finally {
        await db.close()
      }
      const { registry, rewards, asset, deployBlock: fromBlock } = world.muster.deployment
      const place = { client: world.node.client, registry, rewards, asset, fromBlock }
      const audit = await auditChain({ ...place, from: 1, to: 1, onProgress: () => {} })
      expect(audit.findings.list).to.deep.equal([])
    })
  })
}

for (const kind of DEV_KINDS) {
  it(`S-04 24 transactions on ${kind.name} with a restart in the middle: each once, one nonce each`, async function () {
    this.timeout(120_000)
    const node = await kind.start({ automine: true })
    const db = await freshDb()
    try {
      const counter: Address = await deployCounter(node)
      const signer = walletSigner(KEYS.keeper)
      const { finality } = kind
      const stop = new Error('killed')
      let left = HOURS / 2
      const onStep = (label: string): void => {
        if (label === 'broadcast-accepted' && (left -= 1) === 0) throw stop
      }
      const senderWith = (changes: object = {}): Sender =>
        openSender(sendingOptions(db, node.client, { signer, finality, window: 3, ...changes }))
      const sendAll = async (sender: Sender): Promise<void> => {
        for (let i = 0; i < HOURS; i += 1) {
          await sender.send(intentFor(counter, `hour/${i}`), { until: 'included' })
        }
      }
      expect(await sendAll(senderWith({ onStep })).catch((error: unknown) => error)).to.equal(stop)
      const again = senderWith()
      await again.resume()
      await sendAll(again)
      await again.resume()
      expect(await countOf(node, counter)).to.equal(HOURS)
      const rows = (await listJournal(db)).toReversed()
      expect(rows.map(({ state }) => state)).to.deep.equal(Array(HOURS).fill('final'))
      expect(rows.map(({ nonce }) => nonce)).to.deep.equal(rows.map((_, nonce) => nonce))
      for (const { id } of rows) expect(await attemptsOf(db, id)).to.have.length(1)
    } finally {
      await node.close()
      await db.close()
    }
  })
}
