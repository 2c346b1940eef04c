import { KeeperError } from '../base/errors.ts'
import { addressSchema, parseWith } from '../base/schema.ts'
import { SECONDS_PER_CYCLE, isoTime, parseIso } from '../base/time.ts'
import type { UnixSeconds } from '../base/time.ts'
import { appendTrail } from '../office/trail.ts'
import { addHold, listHolds, removeHold } from '../payouts/wallets/holds.ts'
import type { Hold, HoldList, HoldTarget } from '../payouts/wallets/holds.ts'
import { payeeSchema, programSchema } from '../payouts/wallets/link-message.ts'
import { textOf } from './office.ts'
import type { OfficeOrder } from './office.ts'
import { plural, shownTime, table } from './print.ts'
import { reasonOf } from './wallet.ts'

type Options = Record<string, unknown>

export const addHoldOrder: OfficeOrder = (office, _args, options) =>
  add(office, 'hold', holdTarget(options), options)

/** An address, for good: of one program with --program, else everywhere. */
export const addDenialOrder: OfficeOrder = (office, [address], options) =>
  add(office, 'deny', { ...programOf(options), address: addressOf(address) }, options)

async function add(
  { db, clock, actor }: Parameters<OfficeOrder>[0],
  list: HoldList,
  target: HoldTarget,
  options: Options,
): ReturnType<OfficeOrder> {
  const reason = reasonOf(options, `${list} add`)
  const until = untilOf(textOf(options['until']), clock.now(), `${list} add`)
  const id = await db.begin(async (t) => {
    const hold = { ...target, list, reason, actor: actor.name, until }
    const added = await addHold({ db: t, clock }, hold)
    const after = { id: added, ...target, reason, until: until ?? null }
    const note = { actor, action: `${list}.add`, target: nameOf(target), after }
    await appendTrail(t, note, clock.now())
    return added
  })
  const end = until === undefined ? 'until it is removed' : `until ${shownTime(until)}`
  return {
    json: { id, list, ...target, reason, until: until === undefined ? null : isoTime(until) },
    lines: [`${list} ${id}: ${nameOf(target)} is not paid, ${end}`],
  }
}

function holdTarget(options: Options): HoldTarget {
  const { program } = programOf(options)
  const given = textOf(options['payee'])
  const payee = given === undefined ? undefined : parseWith(payeeSchema, given, '--payee')
  const address = textOf(options['address'])
  if (address !== undefined && payee === undefined) return { program, address: addressOf(address) }
  if (address === undefined && program !== undefined) return { program, payee }
  const what = 'give --address, or --program, or --program and --payee'
  throw new KeeperError('USAGE', { what, command: 'hold add' })
}

function programOf(options: Options): { program: string | undefined } {
  const program = textOf(options['program'])
  if (program === undefined) return { program }
  return { program: parseWith(programSchema, program, '--program') }
}

function addressOf(text: string | undefined): NonNullable<HoldTarget['address']> {
  return parseWith(addressSchema, text, 'address')
}

function nameOf({ program, payee, address }: HoldTarget): string {
  const whom = address ?? payee
  if (whom === undefined) return `every payee of ${program}`
  return program === undefined ? whom : `${whom} of ${program}`
}

const DAYS = /^([1-9]\d{0,3})d$/

/** '7d' from now, or an ISO time with a zone. */
function untilOf(
  text: string | undefined,
  now: UnixSeconds,
  command: string,
): UnixSeconds | undefined {
  if (text === undefined) return undefined
  const days = DAYS.exec(text)?.[1]
  const until = days === undefined ? parseIso(text) : now + Number(days) * SECONDS_PER_CYCLE
  if (until > now) return until
  throw new KeeperError('USAGE', { what: '--until is over already', command })
}

const removeOrder =
  (list: HoldList): OfficeOrder =>
  async ({ db, clock, actor }, [number = ''], options) => {
    if (!/^[1-9]\d{0,17}$/.test(number)) throw new KeeperError('HOLD_UNKNOWN', { list, id: number })
    const id = BigInt(number)
    const reason = reasonOf(options, `${list} remove`)
    await db.begin(async (t) => {
      await removeHold({ db: t, clock }, { id, list, actor: actor.name, reason })
      const note = { actor, action: `${list}.remove`, target: number, after: { reason } }
      await appendTrail(t, note, clock.now())
    })
    return { json: { removed: id, list }, lines: [`${list} ${id} holds no more`] }
  }

export const removeHoldOrder = removeOrder('hold')
export const removeDenialOrder = removeOrder('deny')

const listOrder =
  (list: HoldList): OfficeOrder =>
  async ({ db, clock }, _args, options) => {
    const after = textOf(options['after'])
    if (after !== undefined && !/^\d{1,18}$/.test(after)) {
      throw new KeeperError('USAGE', { what: '--after is a number', command: `${list} list` })
    }
    const page = { now: clock.now(), ...(after === undefined ? {} : { after: BigInt(after) }) }
    const holds = await listHolds(db, list, page)
    const head = ['no', 'who is not paid', 'until', 'since', 'by', 'reason']
    return {
      json: { [list]: holds.map(publicHold) },
      lines: [
        `${plural(holds.length, list === 'hold' ? 'hold' : 'denial')} in force`,
        ...(holds.length > 0 ? table(head, holds.map(rowOf)) : []),
      ],
    }
  }

export const listHoldsOrder = listOrder('hold')
export const listDenialsOrder = listOrder('deny')

function rowOf(hold: Hold): string[] {
  const { id, until, recordedAt, actor, reason } = hold
  const end = until === undefined ? '-' : shownTime(until)
  return [id.toString(), nameOf(hold), end, shownTime(recordedAt), actor, reason]
}

function publicHold({ until, recordedAt, ...hold }: Hold): object {
  return {
    ...hold,
    until: until === undefined ? null : isoTime(until),
    since: isoTime(recordedAt),
  }
}
