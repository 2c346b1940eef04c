import { hash } from 'node:crypto'
import { z } from 'zod'
import { canonicalJson } from '../../../base/json.ts'
import type { CheckRoom } from '../../../payouts/program-check.ts'

const amount = z.string().regex(/^\d+$/).transform(BigInt)
const whole = z.number().int().nonnegative()

const rulesSchema = z.object({
  ccRate: amount,
  unknownEcc: amount,
  daily: z.object({
    splitBps: z.object({ fixed: whole, ecc: whole, top50: whole }),
    minimumVotes: z.object({
      top10: whole,
      top100: whole,
      top1000: whole,
      top10000: whole,
      all: whole,
    }),
    bonus: z.object({ bps: whole, referenceRate: amount, capPerPartner: amount }),
  }),
})

/** What was in force, as the store kept it with its version. */
export type KeptRules = z.output<typeof rulesSchema>

// As the rules file's own version has it.
const VERSION_DIGITS = 16

/** All that were ever used: a handful. Each must be what its version was made of. */
export async function readKeptRules({
  db,
  differ,
}: Pick<CheckRoom, 'db' | 'differ'>): Promise<Map<string, KeptRules>> {
  const kept = new Map<string, KeptRules>()
  const rows = await db.query<{ version: string; rules: unknown }>(
    'select version, rules from partner_ruleset order by first_used_at, version',
  )
  for (const { version, rules } of rows) {
    const made = hash('sha256', canonicalJson(rules), 'hex').slice(0, VERSION_DIGITS)
    if (made !== version) differ('PARTNERS_RULES_DIFFER', { version, made })
    const read = rulesSchema.safeParse(rules)
    if (read.success) kept.set(version, read.data)
    else differ('PARTNERS_RULES_DIFFER', { version, made: 'not readable' })
  }
  return kept
}
