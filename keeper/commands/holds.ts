import { KeeperError } from '../base/errors.ts'
import { addressSchema, parseWith } from '../base/schema.ts'
import { SECONDS_PER_CYCLE, isoTime, parseIso } from '../base/time.ts'
import type { UnixSeconds } from '../base/time.ts'
import { holdName, liftHold, placeHold, publicHold } from '../payouts/wallets/hold-hand.ts'
import { listHolds } from '../payouts/wallets/holds.ts'
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
  office: Parameters<OfficeOrder>[0],
  list: HoldList,
  target: HoldTarget,
  options: Options,
): ReturnType<OfficeOrder> {
  const reason = reasonOf(options, `${list} add`)
  const until = untilOf(textOf(options['until']), office.clock.now(), `${list} add`)
  const id = await placeHold(office, list, { ...target, reason, until })
  const end = until === undefined ? 'until it is removed' : `until ${shownTime(until)}`
  return {
    json: { id, list, ...target, reason, until: until === undefined ? null : isoTime(until) },
    lines: [`${list} ${id}: ${holdName(target)} is not paid, ${end}`],
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
  async (office, [number = ''], options) => {
    if (!/^[1-9]\d{0,17}$/.test(number)) throw new KeeperError('HOLD_UNKNOWN', { list, id: number })
    const id = BigInt(number)
    const reason = reasonOf(options, `${list} remove`)
    await liftHold(office, { id, list, reason })
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
  return [id.toString(), holdName(hold), end, shownTime(recordedAt), actor, reason]
}
