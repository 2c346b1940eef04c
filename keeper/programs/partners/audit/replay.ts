import type { CheckRoom } from '../../../payouts/program-check.ts'
import { comparePeriod } from './compare.ts'
import { daySchema, hourSchema } from './period-rows.ts'
import type { Correction, DayRow, HourRow } from './period-rows.ts'

/** Told each correction in its turn, and whether the day that it is of was over then. */
export type OnCorrection = (correction: Correction, isDayOver: boolean) => Promise<void>

/** What the pools must hold, period after period: what one leaves is what the next one finds. */
export class Replay {
  readonly #room: Pick<CheckRoom, 'differ'>
  readonly #corrections: AsyncIterator<Correction>
  readonly #onCorrection: OnCorrection
  #next: Correction | undefined
  hourPool = 0n
  dayPool = 0n
  /** Of days that were over when their hours were corrected. */
  latePool = 0n
  bonusPaid = 0n
  #inflow = 0n
  #lastDay = ''
  #lastHour: number | undefined

  private constructor(
    room: Pick<CheckRoom, 'differ'>,
    corrections: AsyncIterator<Correction>,
    onCorrection: OnCorrection,
  ) {
    this.#room = room
    this.#corrections = corrections
    this.#onCorrection = onCorrection
  }

  static async over(
    room: Pick<CheckRoom, 'differ'>,
    corrections: AsyncGenerator<Correction>,
    onCorrection: OnCorrection,
  ): Promise<Replay> {
    const replay = new Replay(room, corrections, onCorrection)
    await replay.#step()
    return replay
  }

  /** As it was distributed, before any correction of it. */
  async hour(row: HourRow): Promise<void> {
    while (this.#next && this.#isBefore(this.#next, row)) await this.#correct(this.#next)
    const { hour, carried, hourly, pool } = row
    const expected = { hour: this.#lastHour === undefined ? hour : this.#lastHour + 1 }
    comparePeriod(
      this.#room,
      `hour ${hour}`,
      { hour, carried, pool },
      {
        ...expected,
        carried: this.hourPool,
        pool: carried + hourly,
      },
    )
    this.#lastHour = hour
    this.hourPool = row.carry
    this.dayPool += row.daily
    this.#inflow += row.daily
  }

  /** Of the same second it may be on either side: on that which makes sense. */
  #isBefore({ at }: Correction, row: HourRow): boolean {
    return at < row.at || (at === row.at && this.hourPool !== row.carried)
  }

  async day(row: DayRow): Promise<void> {
    while (this.#next && this.#next.id <= row.corrections) await this.#correct(this.#next)
    const { day, inflow, carried, pool } = row
    comparePeriod(
      this.#room,
      `day ${day}`,
      { inflow, carried, pool },
      {
        inflow: this.#inflow,
        carried: this.dayPool - this.#inflow,
        pool: carried + inflow,
      },
    )
    this.#inflow = 0n
    this.#lastDay = day
    this.dayPool = row.carry
    this.bonusPaid += row.bonusPaid
  }

  /** The corrections that came after everything. */
  async end(): Promise<void> {
    while (this.#next) await this.#correct(this.#next)
  }

  async #correct(correction: Correction): Promise<void> {
    const isDayOver =
      correction.kind === 'hour' ? this.#correctHour(correction) : this.#correctDay(correction)
    await this.#onCorrection(correction, isDayOver)
    await this.#step()
  }

  #correctHour({ id, daily, before, after }: Correction): boolean {
    const [was, is] = [hourSchema.parse(before), hourSchema.parse(after)]
    const hourly = is.hourly - was.hourly
    this.#compare(`correction ${id} of hour ${is.hour}`, was, is, hourly, this.hourPool)
    this.hourPool += hourly - (is.paid - was.paid)
    const isDayOver = is.day <= this.#lastDay
    if (isDayOver) this.latePool += daily
    else {
      this.dayPool += daily
      this.#inflow += daily
    }
    return isDayOver
  }

  #correctDay({ id, inflow, before, after }: Correction): boolean {
    const [was, is] = [daySchema.parse(before), daySchema.parse(after)]
    // What the hours have gathered since is for days to come.
    const there = this.dayPool - this.#inflow
    this.#compare(`correction ${id} of day ${is.day}`, was, is, inflow, there)
    this.latePool -= inflow
    this.dayPool += inflow - (is.paid - was.paid)
    this.bonusPaid += is.bonusPaid - was.bonusPaid
    return true
  }

  /** What is shared again is what was given, what came late, and what is still there of what was left. */
  #compare(
    name: string,
    was: HourRow | DayRow,
    is: HourRow | DayRow,
    late: bigint,
    there: bigint,
  ): void {
    const left = was.carry < there ? was.carry : there
    comparePeriod(this.#room, name, { pool: is.pool }, { pool: was.paid + left + late })
  }

  async #step(): Promise<void> {
    const { value, done } = await this.#corrections.next()
    this.#next = done === true ? undefined : (value as Correction)
  }
}
