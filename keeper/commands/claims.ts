import { KeeperError } from '../base/errors.ts'
import { isoTime } from '../base/time.ts'
import { knownProgram } from '../jobs/queue/program-list.ts'
import { requireDesk } from '../payouts/claims/desk.ts'
import type { ClaimsDesk } from '../payouts/claims/desk.ts'
import { publishClaims } from '../payouts/claims/publish.ts'
import { advanceClaims, payClaims } from '../payouts/claims/run-claims.ts'
import type { ClaimsRun } from '../payouts/claims/run-claims.ts'
import { readAside } from '../payouts/claims/status.ts'
import { MAX_RANGE } from '../payouts/claims/tree.ts'
import { readFreeMoney } from '../payouts/payout.ts'
import type { Program } from '../payouts/program.ts'
import type { PayoutsRoom } from '../payouts/room.ts'
import { readSettings, withSettings } from '../payouts/settings.ts'
import { settle } from '../payouts/settlement.ts'
import type { Report, Run } from './command.ts'
import { withPayouts } from './payout.ts'
import { grouped, money, plural, shownTime, table } from './print.ts'
import type { Asset } from './print.ts'

interface Scene {
  room: PayoutsRoom
  program: Program
  desk: ClaimsDesk
}

async function withClaims<T>(
  run: Run,
  name: string,
  work: (scene: Scene) => Promise<T>,
): Promise<T> {
  const known = knownProgram(name)
  return withPayouts(run, async (room) => {
    const own = known.open(room.contracts.assetId)
    const program = withSettings(own, await readSettings(room.db, name))
    return work({ room, program, desk: await requireDesk(room, program) })
  })
}

/** Settles what is due and proposes a root with all that is owed; with one that rests it says so. */
export async function publishClaimsCommand(
  run: Run,
  { afterVeto = false }: { afterVeto?: boolean },
  [name = '']: string[],
): Promise<Report> {
  return withClaims(run, name, async ({ room, program, desk }) => {
    const before = await advanceClaims(room, program, desk)
    const settled = await settle(room, program)
    if (before.waiting) {
      return {
        json: { program: name, settled, published: null, waiting: before.waiting },
        lines: [...waitingLines(before), 'What is owed meanwhile is in the next root.'],
      }
    }
    const funds = await readFreeMoney(room, program)
    const published = await publishClaims(room, program, desk, { money: funds, afterVeto })
    const { root, path, amount, isShort, passed } = published
    const { unit } = room.contracts
    const lines = root
      ? [
          `proposed ${root.root}: ${plural(root.lines.length, 'payout')} of ${money(amount, unit)}`,
          `  its tree: ${path}`,
          `  SHA-256 in the event: ${root.fileHash}`,
          `Next, after the delay: muster claims accept ${name}`,
        ]
      : ['nothing is owed that can be claimed; nothing was sent']
    return {
      json: {
        program: name,
        settled,
        published: root
          ? { root: root.root, fileHash: root.fileHash, file: path, payouts: root.lines.length }
          : null,
        amount,
        isShort,
        passed,
      },
      lines: [...lines, ...shortLines(isShort), ...passedLines(passed)],
      exitCode: isShort ? 1 : 0,
    }
  })
}

function shortLines(isShort: boolean): string[] {
  if (!isShort) return []
  return ['The program lacks money or budget for all of it: muster program show; the rest waits.']
}

function passedLines(passed: number): string[] {
  if (passed === 0) return []
  return [`${plural(passed, 'payout')} passed over: an address that the contract never pays`]
}

/** Makes a root that has rested the one to claim from; books what happened in the contract. */
export async function acceptClaimsCommand(
  run: Run,
  _options: object,
  [name = '']: string[],
): Promise<Report> {
  return withClaims(run, name, async ({ room, program, desk }) => {
    const done = await advanceClaims(room, program, desk)
    const { booked, waiting, isShort } = done
    if (waiting && !isShort && booked.accepted.length === 0) {
      const readyAt = isoTime(waiting.readyAt ?? 0)
      throw new KeeperError('CLAIMS_ROOT_RESTS', { root: waiting.root, program: name, readyAt })
    }
    return {
      json: { program: name, ...done },
      lines: [...bookedLines(done, room.contracts.unit), ...shortLines(isShort)],
      exitCode: isShort ? 1 : 0,
    }
  })
}

function waitingLines({ waiting }: ClaimsRun): string[] {
  if (!waiting) return []
  const readyAt = waiting.readyAt === undefined ? 'later' : shownTime(waiting.readyAt)
  return [`${waiting.root} rests and may be accepted from ${readyAt} on`]
}

export function bookedLines({ booked }: Pick<ClaimsRun, 'booked'>, unit: Asset): string[] {
  const { accepted, vetoed, claims, claimed, refusals } = booked
  return [
    ...accepted.map((root) => `accepted ${root}: it is claimed from now`),
    ...vetoed.map((root) => `vetoed ${root}: what was in it is owed again`),
    `${plural(claims, 'claim')} of ${money(claimed, unit)} booked`,
    ...(refusals > 0
      ? [`${plural(refusals, 'account')} refused its payment: it stays claimable`]
      : []),
  ]
}

/** Pays what is open by ranges of leaves, at our cost. */
export async function payClaimsCommand(
  run: Run,
  { again = false, leaves }: { again?: boolean; leaves?: string },
  [name = '']: string[],
): Promise<Report> {
  const size = leaves === undefined ? {} : { size: sizeOf(leaves) }
  return withClaims(run, name, async ({ room, program, desk }) => {
    const { unit } = room.contracts
    const done = await payClaims(room, program, desk, { again, ...size })
    if (done.isAside) {
      const until = isoTime((await readAside(desk.contract)) ?? 0)
      throw new KeeperError('CLAIMS_SET_ASIDE', { program: name, until })
    }
    const txs = done.txs.map(({ key, hash, gasUsed }) => ({ id: key, hash, gasUsed }))
    const rows = txs.map(({ hash, gasUsed }, i) => [
      String(i + 1),
      hash ?? '-',
      grouped(gasUsed ?? 0n),
    ])
    const sent = rows.length > 0 ? table(['range', 'hash', 'gas'], rows) : ['nothing to send']
    return {
      json: { program: name, ranges: txs, leftOut: done.kept, booked: done.booked },
      lines: [...sent, ...leftOutLines(done.kept), ...bookedLines(done, unit)],
    }
  })
}

function leftOutLines(kept: number): string[] {
  if (kept === 0) return []
  return [
    `${plural(kept, 'range')} left out: somebody in it is on hold or denied (--leaves takes smaller ranges)`,
  ]
}

function sizeOf(text: string): number {
  const size = /^[1-9]\d{0,2}$/.test(text) ? Number(text) : 0
  if (size >= 1 && size <= MAX_RANGE && Number.isInteger(Math.log2(size))) return size
  const what = `--leaves "${text}" is not a power of two up to ${MAX_RANGE}`
  throw new KeeperError('USAGE', { what, command: 'claims pay' })
}
