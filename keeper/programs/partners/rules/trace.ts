import { z } from 'zod'
import type { DailyDistribution } from './daily.ts'
import { FIXED_TIERS } from './fixed-tiers.ts'
import { HOURLY_CATEGORIES } from './hourly.ts'
import type { HourlyDistribution } from './hourly.ts'

/** A distribution without its shares: kept once for each, it explains the amount of any voter. */
export type HourlyTrace = Omit<HourlyDistribution, 'shares'>
export type DailyTrace = Omit<DailyDistribution, 'shares'>

// As toJson writes them.
const integer = z
  .string()
  .regex(/^\d+$/)
  .transform((text) => BigInt(text))
const count = z.number().int().nonnegative()

const equalPart = {
  members: count,
  sharers: count,
  part: integer,
  share: integer,
  remainder: integer,
}
const whole = { pool: integer, paid: integer, carry: integer, undivided: integer }

/** Reads what toJson wrote of a trace. */
export const hourlyTraceSchema = z.strictObject({
  ...whole,
  parts: z.array(z.strictObject({ category: z.enum(HOURLY_CATEGORIES), ...equalPart })),
}) satisfies z.ZodType<HourlyTrace, z.ZodTypeDef, unknown>

export const dailyTraceSchema = z.strictObject({
  ...whole,
  tiers: z.array(
    z.strictObject({ category: z.enum(FIXED_TIERS), minimumVotes: count, ...equalPart }),
  ),
  ecc: z.strictObject({
    part: integer,
    members: count,
    eccSum: integer,
    capDown: integer,
    capped: count,
    weightSum: integer,
    remainder: integer,
  }),
  top50p: z.strictObject({ category: z.literal('top50p'), ...equalPart }),
  bonus: z.strictObject({
    isOn: z.boolean(),
    bps: count,
    referenceRate: integer,
    capPerPartner: integer,
    unitsPerCc: integer,
    budget: integer,
    asked: integer,
    capped: count,
    isScaled: z.boolean(),
    paid: integer,
    remainder: integer,
  }),
}) satisfies z.ZodType<DailyTrace, z.ZodTypeDef, unknown>

export function hourlyTraceOf({ shares: _shares, ...trace }: HourlyDistribution): HourlyTrace {
  return trace
}

export function dailyTraceOf({ shares: _shares, ...trace }: DailyDistribution): DailyTrace {
  return trace
}
