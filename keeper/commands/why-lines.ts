import { toJson } from '../base/json.ts'
import type { Proof, Transfer } from '../ledger/transfers.ts'
import type { Booked, Why, WhyAward, WhyClaim, WhyPayout, WhySent } from '../payouts/why.ts'
import type { WhyMove, WhyShare, WhyValidator } from '../validators/why-share.ts'
import { grouped, money, plural, shownTime } from './print.ts'
import type { Asset } from './print.ts'
import type { Story } from './why-programs.ts'
import type { WhyNow } from './why.ts'

// The books know nothing of decimals: amounts of programs are in the smallest unit.

export function paymentLines(
  why: Why,
  now: WhyNow,
  stories: readonly Pick<Story, 'lines'>[] = [],
): string[] {
  const { program, payee, asset, awards, awardsFound, payout } = why
  const more = awardsFound - awards.length
  return [
    `program ${program}, payee ${payee}, in the smallest unit of ${asset}`,
    ...awards.flatMap(awardLines),
    ...stories.flatMap(({ lines }) => lines),
    ...(more > 0 && payout ? [`  … and ${plural(more, 'more award')} of this payout`] : []),
    ...(payout ? payoutLines(payout, now) : openLines(why)),
    ...(now.kept ? [`now kept back: ${now.kept}`] : []),
  ]
}

function openLines({ open, rules }: Why): string[] {
  const waits = `not settled yet: of this payee ${grouped(open)} waits for the next settlement`
  if (!rules) return [waits]
  const { minimum, capPerPayee, unit, changedAt, changedBy } = rules
  const most = capPerPayee === undefined ? '' : `, at most ${grouped(capPerPayee)}`
  const by = `set ${shownTime(changedAt)} by ${changedBy}`
  return [
    waits,
    `  it pays at least ${grouped(minimum)}${most}, in units of ${grouped(unit)} (${by})`,
  ]
}

function awardLines({ ref, amount, effectiveAt, recordedAt, carriedFrom, booked }: WhyAward) {
  if (carriedFrom !== null) return [`award ${ref}: ${grouped(amount)}, left by that payout`]
  const reason = typeof booked === 'object' ? toJson(booked.transfer.reason) : undefined
  return [
    `award ${ref}: ${grouped(amount)}, of ${shownTime(effectiveAt)}, recorded ${shownTime(recordedAt)}`,
    ...(reason ? [`  reason ${reason}`] : []),
    ...bookedLines(booked),
  ]
}

function bookedLines(booked: Booked | 'archived' | undefined): string[] {
  if (booked === 'archived') return ['  in the books, in a month that lies in a file']
  if (!booked) return ['  NOT in the books: ./muster reconcile']
  return [`  in the books: ${movement(booked.transfer)}`, ...proofLines(booked)]
}

function movement({ debit, credit, amount, id }: Transfer): string {
  return `${debit} ▸ ${credit} ${grouped(amount)}, transfer ${id}`
}

function proofLines({ proof }: { proof: Proof | undefined }): string[] {
  if (!proof) return []
  const { batch, hash, debitSeq, creditSeq } = proof
  return [`    entries ${debitSeq} and ${creditSeq}, link ${batch} of the hash chain ${hash}`]
}

function payoutLines(payout: WhyPayout, now: WhyNow): string[] {
  const { key, amount, bound, carried, carriedInto, createdAt, state, sent, claims, refs } = payout
  const left = carriedInto === null ? 'which waits' : `which is in payout ${carriedInto}`
  const rest = carried > 0n ? `, less ${grouped(carried)} above the cap or a unit, ${left}` : ''
  return [
    `payout ${key}: ${grouped(amount)}, settled ${shownTime(createdAt)}, ${state}`,
    `  ${plural(refs.length, 'award')} of ${grouped(bound)}${rest}`,
    ...bookedLines(payout.booked),
    ...sent.flatMap((each, i) => sentLines(each, now.receipts[i])),
    ...claims.flatMap(claimLines),
    ...(sent.length + claims.length === 0 ? ['not sent yet'] : []),
  ]
}

function sentLines(sent: WhySent, receipt: WhyNow['receipts'][number]): string[] {
  const { batch, payment, booked, journal, attempts, creditMoves } = sent
  const { position, address, amount, outcome } = payment
  return [
    `batch ${batch.seq} (${batch.id}), ${batch.state}: payment ${position}, ${grouped(amount)} to ${address}`,
    ...bookedLines(booked.sent),
    ...(journal
      ? [
          `  journal ${journal.id}: nonce ${journal.nonce ?? '-'} of ${journal.sender}, ${journal.state}`,
        ]
      : ['  NOT in the journal: ./muster reconcile']),
    ...attempts.map(({ hash, purpose }) => `    ${purpose} ${hash}`),
    ...receiptLines(receipt),
    `  ${outcome ?? 'on its way'}`,
    ...(outcome === null ? [] : bookedLines(booked.outcome)),
    ...creditMoves.map(({ credit, amount: taken, key }) => {
      return `  credit taken: ${grouped(taken)} to ${credit} (${key})`
    }),
    ...(outcome === 'refused' && creditMoves.length === 0
      ? [`  the credit waits for ${address}`]
      : []),
  ]
}

function claimLines({ root, booked, journal, attempts, taken }: WhyClaim): string[] {
  const { state, address, amount, cumulative, position, readyAt } = root
  const rests = state === 'submitted' && readyAt !== null ? ` until ${shownTime(readyAt)}` : ''
  return [
    `root ${root.root}, ${state}${rests}: line ${position}, ${grouped(amount)} for ${address}, who has ${grouped(cumulative)} with it`,
    ...bookedLines(booked.proposed),
    ...(journal
      ? [
          `  journal ${journal.id}: nonce ${journal.nonce ?? '-'} of ${journal.sender}, ${journal.state}`,
        ]
      : ['  NOT in the journal: ./muster reconcile']),
    ...attempts.map(({ hash, purpose }) => `    ${purpose} ${hash}`),
    ...(state === 'open' || state === 'submitted' ? [] : bookedLines(booked.outcome)),
    ...taken.map(({ amount: claimed, reason, id }) => {
      return `  claimed: ${grouped(claimed)}, transfer ${id}, ${toJson(reason)}`
    }),
    ...(state === 'accepted' && taken.length === 0 ? [`  waits for ${address} to claim it`] : []),
  ]
}

function receiptLines(receipt: WhyNow['receipts'][number]): string[] {
  if (!receipt) return ['  no receipt on the chain']
  return [
    `  receipt ${receipt.hash} in block ${receipt.block}, ${receipt.at}`,
    ...receipt.lines.map(({ event, index, args }) => `    log ${index}: ${event} ${toJson(args)}`),
  ]
}

export function shareLines(share: WhyShare, asset: Asset): string[] {
  const { cycle, address, pool, allocated, eligible, weighted, decided, validators } = share
  const split = weighted ? 'by weight' : 'in equal shares'
  return [
    `cycle ${cycle}: ${money(allocated, asset)} of a pool of ${money(pool, asset)} for ${plural(eligible, 'validator')}, ${split}`,
    decided ? `  in the books: ${movement(decided)}` : '  not in the books yet: ./muster reconcile',
    ...validators.flatMap((each) => validatorLines(each, asset)),
    ...(validators.length === 0 ? [`${address} earned nothing in this cycle`] : []),
    ...share.creditMoves.map(({ credit, amount, key }) => {
      return `credit taken: ${money(amount, asset)} to ${credit} (${key})`
    }),
    `the hours behind it: ./muster validator ${address} --cycle ${cycle}`,
  ]
}

function validatorLines({ index, node, pay, moves }: WhyValidator, asset: Asset): string[] {
  const { earned, paid, unpaid, refused, swept } = pay
  const parts = Object.entries({ paid, unpaid, refused, swept }).filter(([, part]) => part > 0n)
  const sum = parts.map(([name, part]) => `${name} ${money(part, asset)}`).join(' + ')
  return [
    `validator ${index} (${node}): earned ${money(earned, asset)}${sum ? ` = ${sum}` : ''}`,
    ...moves.flatMap((move) => moveLines(move, asset)),
  ]
}

function moveLines({ kind, amount, to, hash, block, booked, journal }: WhyMove, asset: Asset) {
  const whose = journal
    ? `journal ${journal.id}, ${journal.kind} ${journal.key}, ${journal.state}`
    : 'sent by somebody else'
  return [
    `  ${kind} ${money(amount, asset)}${to === null ? '' : ` to ${to}`} in ${hash}, block ${block} (${whose})`,
    ...(booked
      ? [`    in the books: ${movement(booked.transfer)}`, ...proofLines(booked)]
      : ['    not in the books yet: ./muster reconcile']),
  ]
}
