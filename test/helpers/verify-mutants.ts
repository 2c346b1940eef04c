import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { derive } from '../../keeper/verify/derive.ts'

/** One rule of the derivation, changed by hand. */
export interface Mutant {
  file: string
  from: string
  to: string
}

const ROOT = resolve(import.meta.dirname, '../..')

export async function withMutant<T>(
  mutant: Mutant,
  use: (derived: typeof derive) => T,
): Promise<T> {
  return withCopy(mutant, async (load) => {
    const module = (await load('derive.ts')) as { derive: typeof derive }
    return use(module.derive)
  })
}

/** A copy of keeper/verify with one change, beside the rest of the sources as they are. */
export async function withCopy<T>(
  { file, from, to }: Mutant,
  use: (load: (name: string) => Promise<unknown>) => Promise<T>,
): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'muster-mutant-'))
  try {
    await mkdir(join(dir, 'keeper'))
    for (const name of ['node_modules', 'types', 'package.json']) {
      await symlink(join(ROOT, name), join(dir, name))
    }
    for (const room of ['base', 'chain', 'store']) {
      await symlink(join(ROOT, 'keeper', room), join(dir, 'keeper', room))
    }
    const folder = join(dir, 'keeper', 'verify')
    await cp(join(ROOT, 'keeper', 'verify'), folder, { recursive: true })
    const text = await readFile(join(folder, file), 'utf8')
    if (text.split(from).length !== 2) throw new Error(`"${from}" is not once in ${file}`)
    await writeFile(
      join(folder, file),
      text.replace(from, () => to),
    )
    return await use((name) => import(pathToFileURL(join(folder, name)).href))
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

const of = (file: string, from: string, to: string): Mutant => ({ file, from, to })

/** Each by one, or the other way round. */
export const MUTANTS: readonly Mutant[] = [
  of('decision.ts', 'BPS >= BigInt(rateBps)', 'BPS > BigInt(rateBps)'),
  of('decision.ts', 'BigInt(hours) * BPS', 'BigInt(hours + 1) * BPS'),
  of('decision.ts', 'pushes.length < majority', 'pushes.length <= majority'),
  of('decision.ts', 'pushes.length < majority', 'pushes.length < majority - 1'),
  of('decision.ts', 'count >= majority', 'count > majority'),
  of('decision.ts', 'count >= majority', 'count >= majority - 1'),
  of('decision.ts', 'snapshots < terms.minSnapshots', 'snapshots <= terms.minSnapshots'),
  of('decision.ts', 'snapshots < terms.minSnapshots', 'snapshots < terms.minSnapshots - 10'),
  of('decision.ts', 'terms.rateBps) && active(index)', 'terms.rateBps)'),
  of('decision.ts', '(active(index) ? 1 : 0)', '1'),
  of('decision.ts', '!isRolledOver && terms.payAll', '!isRolledOver'),
  of('decision.ts', '!isRolledOver && terms.payAll', 'false && terms.payAll'),
  of('decision.ts', 'missing |= 1 << h', 'missing |= 1 << (h + 1)'),
  of('decision.ts', 'weighted ? weightOf(index) : 1n', 'weighted ? 1n : weightOf(index)'),
  of('decision.ts', '(pool * ofOne(index)) / weightSum', '(pool * ofOne(index)) / weightSum + 1n'),
  of(
    'decision.ts',
    '(pool * ofOne(index)) / weightSum',
    '(pool * ofOne(index)) / (weightSum + 1n)',
  ),
  of('evidence-history.ts', 'Math.floor(reporters / 2) + 1', 'Math.ceil(reporters / 2)'),
  of('evidence-history.ts', 'Math.floor(reporters / 2) + 1', 'reporters'),
  of('evidence-history.ts', 'word | (before?.[w] ?? 0n)', 'word'),
  of('evidence-history.ts', 'FINALITY_DELAY = 30 * 60', 'FINALITY_DELAY = 30 * 60 + 1'),
  of('evidence-history.ts', 'pushed === seats', 'pushed > seats'),
  of('evidence-history.ts', 'now >= end + this.#grid.pushWindow', 'now > end + 5 * 3_600'),
  of('evidence-history.ts', 'time < end)', 'time <= end)'),
  of('evidence-history.ts', 'time >= end + this', 'time >= end - 1 + this'),
  of('evidence-history.ts', 'pushes.delete(seat)', 'pushes.has(seat)'),
  of('evidence-history.ts', 'hour >= firstOpen', 'hour >= firstOpen + 24'),
  of('evidence-history.ts', 'from <= cycle && cycle <= to', 'from <= cycle && cycle < to'),
  of('evidence-history.ts', 'cycle < term.from', 'cycle <= term.from'),
  of('roster-history.ts', 'activeFrom <= cycle', 'activeFrom < cycle'),
  of('roster-history.ts', 'activeFrom <= cycle', 'activeFrom <= cycle + 1'),
  of('roster-history.ts', 'cycle <= member.activeTo', 'cycle < member.activeTo'),
  of('roster-history.ts', 'cycle <= member.activeTo', 'cycle <= member.activeTo + 1'),
  of('roster-history.ts', '({ from }) => from <= cycle', '({ from }) => from < cycle'),
  of('roster-history.ts', '({ from }) => from <= cycle', '({ from }) => from <= cycle + 1'),
  of('roster-history.ts', '.at(-1)?.to ?? fund', '.at(0)?.to ?? fund'),
  of('terms-history.ts', 'from <= cycle', 'from < cycle'),
  of('terms-history.ts', 'from <= cycle', 'from <= cycle + 1'),
  of('terms-history.ts', 'terms.cap > cap', 'terms.cap < cap'),
  of('books.ts', 'MAX_ROLLED_CAPS = 7', 'MAX_ROLLED_CAPS = 6'),
  of('books.ts', 'MAX_ROLLED_CAPS = 7', 'MAX_ROLLED_CAPS = 8'),
  of('books.ts', 'hasPaid ? 0 :', 'hasPaid ? this.#rolledOver :'),
  of('books.ts', 'BigInt(1 + this.#rolledOver)', 'BigInt(2 + this.#rolledOver)'),
  of('books.ts', 'each.cycle <= cycle', 'each.cycle < cycle'),
  of('books.ts', 'each.cycle <= cycle', 'each.cycle <= cycle + 1'),
  of('books.ts', 'funded - this.#drawn : 0n', 'funded : 0n'),
  of('books.ts', 'free < limit ? free : limit', 'free'),
  of('audit-decision.ts', 'cut + terms.grace', 'cut + terms.grace * 5'),
  of('audit-decision.ts', 'time < cut)', 'time < cut + 86_400)'),
  of('audit-decision.ts', '+ audit.terms.settleDelay', '+ audit.terms.settleDelay - 1'),
  of('audit-decision.ts', 'state.next = cycle + 1\n  state.last', 'state.last'),
  of('audit-decision.ts', 'books.draw(-audit.drawn)', 'books.draw(0n)'),
  of('audit-decision.ts', 'books.addRolledCap()', 'books.draw(0n)'),
  of('audit-decision.ts', 'sharing.allocated - audit.drawn', 'sharing.pool - audit.drawn'),
  of('audit-payments.ts', 'SWEEP_AFTER = 30 * 86_400', 'SWEEP_AFTER = 30 * 86_400 + 1'),
  of('audit-payments.ts', 'from = decidedAt.time + terms.settleDelay', 'from = at.time + 1'),
  of('audit-payments.ts', 'terms.settleDelay, terms.grace)', 'terms.settleDelay, terms.grace + 1)'),
  of('audit-payments.ts', 'state.keepers.has(caller), credited', '!credited, credited'),
  of('audit-payments.ts', 'SHARE[outcome]', 'SHARE.due'),
  of('audit-money.ts', 'Math.max(1, cycleAt', 'Math.max(2, cycleAt'),
  of('audit-money.ts', 'ABANDONED_AFTER = 90 * 86_400', 'ABANDONED_AFTER = 90 * 86_400 + 1'),
  of('audit-state.ts', 'SECONDS_PER_CYCLE) + 1', 'SECONDS_PER_CYCLE)'),
  of('bitmap.ts', '(byte >> bit) & 1', '(byte >> (7 - bit)) & 1'),
]

/** The rules by which receipts are judged. */
export const RECEIPT_MUTANTS: readonly Mutant[] = [
  of('judge-receipt.ts', 'if (cycle === 0)', 'if (cycle === 99)'),
  of('judge-receipt.ts', "standing === 'stranger'", "standing !== 'reporter'"),
  of('judge-receipt.ts', "standing === 'stranger'", "standing === 'expelled'"),
  of('judge-receipt.ts', 'index === undefined) return {', 'index === 99) return {'),
  of(
    'judge-receipt.ts',
    "if (isOpen) return { outcome: 'pending', reason: 'the hour is not",
    "if (!isOpen) return { outcome: 'pending', reason: 'the hour is not",
  ),
  of(
    'judge-receipt.ts',
    "if (!online) return { outcome: 'not-pushed'",
    "if (online) return { outcome: 'not-pushed'",
  ),
  of(
    'judge-receipt.ts',
    "if (standing === 'reporter') return",
    "if (standing !== 'reporter') return",
  ),
  of('judge-receipt.ts', 'if (isSet && !online)', 'if (isSet && !online && !isOpen)'),
  of('judge-receipt.ts', 'if (isSet && !online)', 'if (isSet && online)'),
  of('judge-receipt.ts', '!isSet && !online) return', 'false) return'),
  of('judge-receipt.ts', 'isSet && evidence.isCounted(hour, index)', 'isSet'),
  of(
    'judge-receipt.ts',
    'isSet && evidence.isCounted(hour, index)',
    'evidence.isCounted(hour, index)',
  ),
  of(
    'judge-receipt.ts',
    "if (isSet) return { outcome: 'outvoted'",
    "if (!isSet) return { outcome: 'outvoted'",
  ),
  of('evidence-history.ts', 'votes.length >= majorityOf', 'votes.length > majorityOf'),
  of('evidence-history.ts', 'votes.length >= majorityOf', 'votes.length >= -1 + majorityOf'),
  of(
    'evidence-history.ts',
    'this.cycleOf(hour) > this.#closedThrough',
    'this.cycleOf(hour) >= this.#closedThrough',
  ),
  of('evidence-history.ts', 'this.cycleOf(hour) > this.#closedThrough && now <', 'now <'),
  of(
    'evidence-history.ts',
    'now < end + this.#grid.pushWindow',
    'now <= end + this.#grid.pushWindow',
  ),
  of('evidence-history.ts', 'each.from <= cycle && cycle <= each.to', 'each.from <= cycle'),
  of('evidence-history.ts', 'each.from <= cycle && cycle <= each.to', 'cycle <= each.to'),
  of(
    'evidence-history.ts',
    "return term.isExpelled ? 'expelled' : 'reporter'",
    "return 'reporter'",
  ),
  of('evidence-history.ts', 'word | (before?.[w] ?? 0n)', 'word'),
  of('roster-history.ts', '?.find((index) => this.isActive(cycle, index))', '?.at(-1)'),
  of('roster-history.ts', '?.find((index) => this.isActive(cycle, index))', '?.at(0)'),
  of('bitmap.ts', 'BigInt(index % WORD)) & 1n) === 1n', 'BigInt(index % WORD)) & 1n) === 0n'),
]

/** The checks that a receipt must pass by itself. */
export const CLAIM_MUTANTS: readonly Mutant[] = [
  of('receipt-claim.ts', 'root !== claim.root', 'false'),
  of('receipt-claim.ts', '=== claim.reporter) return claim', '!== undefined) return claim'),
  of('receipt-claim.ts', '  .strict()', '  .strip()'),
  of('receipt-claim.ts', '!SIGNATURE.test(signature)', 'false'),
  of('receipt-claim.ts', '[hour, seen, expected, Number(online)]', '[hour, seen, expected]'),
  of('receipt-claim.ts', '[hour, seen, expected, Number(online)]', '[hour, seen, Number(online)]'),
  of('receipt-claim.ts', 'a < b ? `', 'a ? `'),
  of('receipt-claim.ts', 'hashOf(hashOf(`0x${words', 'hashOf((`0x${words'),
  of('receipt-claim.ts', '{ hour, root, validators })', '{ hour, root, validators: 1 })'),
  of('receipt-claim.ts', 'chainId, verifyingContract: registry }', 'chainId }'),
]
