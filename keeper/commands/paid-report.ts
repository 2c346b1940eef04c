import type { ProgramRun } from '../payouts/run.ts'
import { grouped, money, plural, shownTime, table } from './print.ts'
import type { Asset } from './print.ts'

/** What was settled and paid, whatever was awarded before. */
export type Paid = Pick<ProgramRun, 'settled' | 'paidOut'>

const KEPT = {
  minimum: 'below the minimum',
  'no-wallet': 'without a wallet',
  held: 'on hold',
  denied: 'denied',
}

export function paidJson({ settled, paidOut }: Paid): object {
  const { txs, payments, paid, credited, refused, left, isShort, claims, pausedUntil } = paidOut
  const batches = txs.map(({ key, hash, gasUsed }) => ({ id: key, hash, gasUsed }))
  return {
    settled,
    payments,
    paid,
    credited,
    refused,
    left,
    isShort,
    batches,
    ...(pausedUntil === undefined ? {} : { pausedUntil }),
    ...(claims ? { claims } : {}),
  }
}

/** 1: something is owed that money, budget or the guardian keeps back. */
export function paidExitCode({ paidOut: { isShort, pausedUntil } }: Paid): number {
  return isShort || pausedUntil !== undefined ? 1 : 0
}

/** `again` says how what is left is paid later. */
export function paidLines({ settled, paidOut }: Paid, unit: Asset, again: string): string[] {
  const { payments, paid, credited, refused, left, isShort, pausedUntil } = paidOut
  const kept = Object.entries(settled.kept) as [keyof typeof KEPT, number][]
  return [
    ...kept.map(([why, payees]) => `  ${plural(payees, 'payee')} ${KEPT[why]}: nothing is lost`),
    ...batchLines(paidOut),
    `${plural(payments, 'payment')}: paid ${money(paid, unit)}, credited ${money(credited, unit)} (${grouped(refused)} refused)`,
    ...claimLines(paidOut, unit),
    ...(left.payouts > 0
      ? [`still owed: ${plural(left.payouts, 'payout')} of ${money(left.amount, unit)}`]
      : []),
    ...(pausedUntil === undefined
      ? []
      : [`The programs are paused until ${shownTime(pausedUntil)}: nothing was sent.`]),
    ...(isShort ? [`The program lacks money or budget: muster program show; then ${again}.`] : []),
  ]
}

function claimLines({ claims }: Paid['paidOut'], unit: Asset): string[] {
  if (!claims) return []
  const { waiting, booked } = claims
  const rests = waiting?.readyAt === undefined ? 'soon' : `from ${shownTime(waiting.readyAt)} on`
  return [
    ...booked.accepted.map((root) => `accepted ${root}: it is claimed from now`),
    ...booked.vetoed.map((root) => `vetoed ${root}: what was in it is owed again`),
    ...(booked.claims > 0
      ? [`${plural(booked.claims, 'claim')} of ${money(booked.claimed, unit)} booked`]
      : []),
    ...(waiting
      ? [
          `${money(waiting.amount, unit)} proposed to be claimed; the root may be accepted ${rests}:`,
          `  muster claims accept ${waiting.program}`,
        ]
      : []),
  ]
}

function batchLines({ txs, claims }: Paid['paidOut']): string[] {
  if (txs.length === 0 && claims?.waiting) return []
  if (txs.length === 0) return ['nothing was owed; nothing was sent']
  const rows = txs.map(({ hash, gasUsed }, i) => [
    String(i + 1),
    hash ?? '-',
    grouped(gasUsed ?? 0n),
  ])
  return table(['batch', 'hash', 'gas'], rows)
}
