import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { expect } from 'chai'
import { Wallet, id } from 'ethers'
import { readProcesses } from '../keeper/base/processes.ts'
import type { Address, Hex } from '../keeper/base/schema.ts'
import { hourOf, parseIso, startOfHour, systemClock } from '../keeper/base/time.ts'
import { typedLink } from '../keeper/payouts/wallets/link-message.ts'
import { linkWallet } from '../keeper/payouts/wallets/links.ts'
import { DEFAULT_RULES } from '../keeper/programs/partners/ruleset.ts'
import { readState } from '../keeper/programs/partners/distribution/state.ts'
import type { Db } from '../keeper/store/db.ts'
import { openStore } from '../keeper/store/open-store.ts'
import { FIRST_CUT, HOUR, openSite, startCli } from './helpers/cli.ts'
import type { Outcome, Site, Started } from './helpers/cli.ts'
import { assertBooksBalance } from './helpers/ledger.ts'
import { readTimedVotes } from './helpers/partner-votes.ts'
import { oracleDay, oracleHour } from './helpers/partners-oracle.ts'
import type { OracleResult, OracleTerms } from './helpers/partners-oracle.ts'

const ROOT = resolve(import.meta.dirname, '..')
const VOTES = join(ROOT, 'data/votes_a.csv.gz')
const MAP = join(ROOT, 'docs/examples/partners-votes-a.json')
const VOTES_IN_FILE = 42_174
const FIRST_DAY = '2024-10-15'
const LAST_DAY = '2024-10-18'
const BUSY_HOUR = '2024-10-15T07:00Z'
const COIN = 10n ** 18n
const LOOK_MS = 20
const PATIENCE_MS = 60_000

const { splitBps, minimumVotes } = DEFAULT_RULES
const TERMS: OracleTerms = {
  bps: splitBps,
  minimumVotes,
  bonus: { bps: 0, referenceRate: COIN, capPerPartner: 0n },
  rate: COIN,
  budget: 0n,
}

/** A wallet that only this partner has. */
const walletOf = (partner: string): Wallet => new Wallet(id(`partner ${partner}`))

/** Its hours one after the other, then the day; without the bonus, which has no budget here. */
function oracleOf(day: string): Map<string, bigint> {
  const first = hourOf(parseIso(`${day}T00:00:00Z`))
  const votes = readTimedVotes().filter(({ hour }) => hour >= first && hour < first + 24)
  const sums = new Map<string, bigint>()
  const add = ({ amounts, carry }: OracleResult): bigint => {
    for (const [partner, parts] of amounts) {
      const total = Object.values(parts).reduce((sum, part) => sum + part, sums.get(partner) ?? 0n)
      if (total > 0n) sums.set(partner, total)
    }
    return carry
  }
  let carry = 0n
  for (let hour = first; hour < first + 24; hour += 1) {
    const own = votes.filter((vote) => vote.hour === hour)
    carry = add(oracleHour(carry + (BigInt(own.length) * COIN) / 4n, own))
  }
  add(oracleDay((BigInt(votes.length) * COIN * 3n) / 4n, votes, TERMS))
  return sums
}

describe('partners, from the file of their votes to their wallets', function () {
  this.timeout(300_000)
  let site: Site
  const running: Started[] = []
  before(async () => {
    site = await openSite(FIRST_CUT - 3 * HOUR)
    await site.ok('deploy')
    await site.ok('deploy-payouts')
    await site.ok('program', 'add', 'partners', '--capacity', '5000', '--per-day', '5000')
    await site.ok('program', 'fund', 'partners', '2000')
  })
  afterEach(async () => {
    for (const each of running.splice(0)) {
      each.kill('SIGKILL')
      await each.ended
    }
  })
  after(() => site.close())

  function start(args: string[], env: Record<string, string>): Started {
    const started = startCli(args, { ...site.env, ...env })
    running.push(started)
    return started
  }

  /** Between two commands nobody holds it. */
  async function withStore<T>(look: (db: Db) => Promise<T>): Promise<T> {
    const db = await openStore({ home: join(site.dir, 'home'), clock: systemClock })
    try {
      return await look(db)
    } finally {
      await db.close()
    }
  }

  const transfers = (): Promise<number> =>
    withStore(async (db) => {
      const { n } = await db.one<{ n: bigint }>('select count(*) as n from ledger_transfer')
      return Number(n)
    })

  const accrued = (): Promise<Map<string, bigint>> =>
    withStore(async (db) => {
      const rows = await db.query<{ payee: string; amount: string }>(
        `select payee, sum(amount)::text as amount from payout_accrual
          where carried_from is null group by payee`,
      )
      return new Map(rows.map(({ payee, amount }) => [payee, BigInt(amount)]))
    })

  it('takes in the real votes', async () => {
    const taken = await site.ok('partners', 'import', 'votes', VOTES, '--map', MAP)
    expect(taken).to.include({ fresh: VOTES_IN_FILE, known: 0 })
  })

  it('prints the tables of an hour and of its day, and a second run posts nothing', async () => {
    const asked = ['partners', 'run', '--hour', BUSY_HOUR, '--day', FIRST_DAY]
    const { code, stdout, stderr } = await site.muster(...asked)
    expect(code, stderr).to.equal(0)
    expect(stdout).to.match(/25 distributions made/)
    expect(stdout)
      .to.match(/80 votes/)
      .and.match(/day 2024-10-15/)
    for (const category of ['top10p', 'top1000', 'top10000', 'cc_market']) {
      expect(stdout, category).to.include(category)
    }

    const before = await transfers()
    const again = await site.ok(...asked)
    expect(again['done']).to.have.length(2)
    for (const each of again['done'] as { isNew: boolean }[]) expect(each.isNew).to.equal(false)
    expect(await transfers()).to.equal(before)
  })

  it('owes each partner what an independent slow calculation gives it, to the last unit', async () => {
    expect(await accrued()).to.deep.equal(oracleOf(FIRST_DAY))
  })

  it('D-24 a run that is stopped ends its hour, is in the list of processes until then, and goes on later', async () => {
    const file = join(site.dir, 'run.log')
    const env = { MUSTER_LOG_FILE: file, MUSTER_LOG_LEVEL: 'info' }
    const run = start(['partners', 'run', '--day', LAST_DAY, '--json'], env)
    await logHas(file, '"reward-distributed"', 5)
    const [listed] = readProcesses(join(site.dir, 'home'))
    expect(listed).to.include({ command: 'partners run' })
    run.kill('SIGTERM')
    const { code, json } = await run.ended
    expect([code, errorCodeOf(json)]).to.deep.equal([75, 'INTERRUPTED'])
    expect(readProcesses(join(site.dir, 'home'))).to.deep.equal([])

    // What the log tells of was kept, and nothing else was.
    const told = await distributedIn(file)
    const { lastHour } = await withStore((db) => readState(db, false))
    expect(startOfHour((lastHour ?? 0) + 1)).to.be.below(parseIso('2024-10-19T00:00:00Z'))
    expect(told.at(-1)).to.equal(lastHour)
    await site.ok('partners', 'run', '--day', LAST_DAY)
    expect(await withStore((db) => readState(db, false))).to.include({ lastDay: LAST_DAY })
    await withStore(assertBooksBalance)
  })

  it('pays every partner with a wallet exactly what was accrued, once', async () => {
    const sums = await accrued()
    expect(sums.size).to.be.greaterThan(150)
    await withStore((db) => linkAll(db, [...sums.keys()].slice(1)))

    const paid = await site.ok('program', 'pay', 'partners')
    expect(paid).to.deep.include({ program: 'partners', isShort: false })
    expect(paid['settled']).to.deep.include({ kept: { 'no-wallet': 1 } })
    const [without, ...partners] = sums.keys()
    for (const partner of partners) {
      const balance = await site.client.balanceOf(walletOf(partner).address as Address)
      expect(balance, partner).to.equal(sums.get(partner))
    }

    // Who links later is paid then, and nobody else.
    await withStore((db) => linkAll(db, [without ?? '']))
    const late = await site.ok('program', 'pay', 'partners')
    expect(late).to.include({ payments: 1, paid: String(sums.get(without ?? '')) })
    expect(await site.ok('program', 'pay', 'partners')).to.include({ payments: 0 })
  })

  it('explains a payment down to its categories, and its books agree with the chain', async () => {
    const [share] = await withStore((db) =>
      db.query<{ partner: string; hour: bigint }>(
        'select partner, hour from partner_hour_share order by hour, position limit 1',
      ),
    )
    const ref = `partners:h${share?.hour}/${share?.partner}`
    const { stdout, code } = await site.muster('why', ref)
    expect(code).to.equal(0)
    expect(stdout)
      .to.match(/top10p/)
      .and.match(/hash chain/)
    expect(await site.ok('reconcile')).to.include({ ok: true, found: 0 })
  })

  it('D-24 a keeper that is stopped in the middle of catching up ends in order and leaves whole hours', async () => {
    const keeper = start(['keeper'], { MUSTER_PARTNERS: 'pay' })
    await keeper.says('"reward-distributed"', 12)
    expect(readProcesses(join(site.dir, 'home'))[0]).to.include({ command: 'keeper' })
    const { stdout } = await site.muster('status')
    expect(stdout).to.match(/partners \(pay\): distributed until 2024/)
    // A day of hours is due, and this command is carried out by the running keeper.
    expect(await site.ok('program', 'pay', 'partners')).to.include({ handed: true })
    keeper.kill('SIGTERM')
    const { code, stderr } = await keeper.ended
    expect(code, stderr).to.equal(0)
    expect(stderr).to.include('"keeper-stopped"')
    expect(readProcesses(join(site.dir, 'home'))).to.deep.equal([])

    const told = stderr.split('\n').flatMap(hourTold)
    expect(await withStore((db) => readState(db, false))).to.include({ lastHour: told.at(-1) })
    await withStore(assertBooksBalance)
    await site.ok('program', 'pay', 'partners')
    expect(await site.ok('reconcile')).to.include({ ok: true, found: 0 })
  })

  async function linkAll(db: Db, partners: readonly string[]): Promise<void> {
    const { chainId } = site.client
    const room = { db, client: site.client, clock: systemClock, primaryDelay: HOUR, ours: [] }
    for (const [nonce, payee] of partners.entries()) {
      const wallet = walletOf(payee)
      const deadline = systemClock.now() + HOUR
      const address = wallet.address as Address
      const link = { program: 'partners', payee, wallet: address, primary: true }
      const whole = { ...link, nonce: BigInt(nonce), deadline }
      const { domain, types, value } = typedLink(chainId, whole)
      const signature = (await wallet.signTypedData(domain, types, value)) as Hex
      await linkWallet(room, { link: whole, signature, actor: 'test' })
    }
  }
})

function errorCodeOf(json: Outcome['json']): unknown {
  return (json['error'] as { code?: unknown } | undefined)?.code
}

async function logHas(file: string, text: string, times: number): Promise<void> {
  for (let waited = 0; waited < PATIENCE_MS; waited += LOOK_MS) {
    const found = (await readFile(file, 'utf8').catch(() => '')).split(text).length - 1
    if (found >= times) return
    await systemClock.sleep(LOOK_MS)
  }
  throw new Error(`no ${text} in ${file}`)
}

/** Of a line of the log: the hour that was distributed. */
function hourTold(line: string): number[] {
  if (!line.includes('"reward-distributed"') || !line.includes('"hourly"')) return []
  const { hour } = JSON.parse(line) as { hour: number }
  return [hour]
}

async function distributedIn(file: string): Promise<number[]> {
  return (await readFile(file, 'utf8')).split('\n').flatMap(hourTold)
}
