import { hash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { z } from 'zod'
import { BPS } from '../../base/amount.ts'
import type { Wei } from '../../base/amount.ts'
import { parseDecimalDown } from '../../base/decimal.ts'
import { KeeperError, isKeeperError, messageOf } from '../../base/errors.ts'
import { canonicalJson } from '../../base/json.ts'
import type { DailyRules, DailySplit } from './rules/daily.ts'
import { ECC_DECIMALS, MAX_ECC } from './rules/ecc.ts'
import { MAX_UNITS_PER_CC } from './rules/pools.ts'

/** Everything that decides about amounts and that an operator may choose. */
export interface Ruleset {
  /** Of what it says, not of how it is written: each distribution carries it. */
  version: string
  /** While the dated table of rates has none in force. */
  ccRate: Wei
  /** Of a partner of whom the source says none; × 10^ECC_DECIMALS. */
  unknownEcc: bigint
  daily: DailyRules
}

/** The file docs/partners-rules.json: what a key means stands in docs/partners-rules.md. */
export const DEFAULT_RULES = {
  ccRate: '1000000000000000000',
  unknownEcc: '1',
  splitBps: { fixed: 3_334, ecc: 3_333, top50: 3_333 },
  minimumVotes: { top10: 5, top100: 4, top1000: 3, top10000: 2, all: 1 },
  bonus: {
    bps: 500,
    referenceRate: '1000000000000000000',
    capPerPartner: '1000000000000000000',
  },
}

// Some five hundred bytes are needed; a larger file is another one.
const MAX_FILE_BYTES = 64 * 1024
const VERSION_DIGITS = 16
const ALL_BPS = Number(BPS)
// More votes than anybody casts in a day; keeps a slip of the hand from closing a tier for ever.
const MAX_MINIMUM_VOTES = 1_000_000

const amountSchema = z
  .string({ invalid_type_error: 'not a string of digits (amounts are written in quotes)' })
  .regex(/^(0|[1-9]\d{0,77})$/, 'not a whole number of the token’s smallest unit')
  .transform(BigInt)
const bpsSchema = z.number().int().min(0).max(ALL_BPS)
const votesSchema = z.number().int().min(1).max(MAX_MINIMUM_VOTES)

const rulesSchema = z.strictObject({
  ccRate: amountSchema.refine((rate) => rate <= MAX_UNITS_PER_CC, 'more than 10^50'),
  unknownEcc: z.string().transform(eccOf),
  splitBps: z
    .strictObject({ fixed: bpsSchema, ecc: bpsSchema, top50: bpsSchema })
    .superRefine(checkSplit),
  minimumVotes: z.strictObject({
    top10: votesSchema,
    top100: votesSchema,
    top1000: votesSchema,
    top10000: votesSchema,
    all: votesSchema,
  }),
  bonus: z.strictObject({
    bps: bpsSchema,
    referenceRate: amountSchema,
    capPerPartner: amountSchema,
  }),
})

function checkSplit({ fixed, ecc, top50 }: DailySplit, context: z.RefinementCtx): void {
  const total = fixed + ecc + top50
  if (total === ALL_BPS) return
  const message = `the three are ${total} bps together, not ${ALL_BPS}`
  context.addIssue({ code: z.ZodIssueCode.custom, message })
}

function eccOf(text: string, context: z.RefinementCtx): bigint {
  try {
    const ecc = parseDecimalDown(text, ECC_DECIMALS)
    if (ecc <= MAX_ECC) return ecc
    context.addIssue({ code: z.ZodIssueCode.custom, message: 'more than 10^52' })
    return z.NEVER
  } catch (error) {
    if (!isKeeperError(error, 'DECIMAL_INVALID')) throw error
    context.addIssue({ code: z.ZodIssueCode.custom, message: error.message })
    return z.NEVER
  }
}

/** The defaults where no file is named. */
export async function readRuleset(file?: string): Promise<Ruleset> {
  if (file === undefined) return parseRuleset(canonicalJson(DEFAULT_RULES), 'the defaults')
  try {
    const { size } = await stat(file)
    if (size > MAX_FILE_BYTES) throw invalid(file, [`it is longer than ${MAX_FILE_BYTES} bytes`])
    return parseRuleset(await readFile(file, 'utf8'), file)
  } catch (error) {
    if (isKeeperError(error)) throw error
    throw new KeeperError('FILE_UNREADABLE', { file, reason: messageOf(error) })
  }
}

/** Every key must be there and no other: what is in force stands in the file, whole. */
export function parseRuleset(text: string, file: string): Ruleset {
  const result = rulesSchema.safeParse(parseJson(text, file))
  if (!result.success) throw invalid(file, result.error.issues.flatMap(faultsOf))
  const { ccRate, unknownEcc, ...daily } = result.data
  const rules = { ccRate, unknownEcc, daily }
  return { version: versionOf(rules), ...rules }
}

const keptSchema = z.strictObject({
  ccRate: amountSchema,
  unknownEcc: amountSchema,
  daily: rulesSchema.pick({ splitBps: true, minimumVotes: true, bonus: true }),
})

/** As a distribution kept it with its version: a correction goes by the rules of then. */
export function keptRuleset(rules: unknown, version: string): Ruleset {
  const result = keptSchema.safeParse(rules)
  const where = `partner_ruleset, version ${version}`
  if (!result.success) throw invalid(where, result.error.issues.flatMap(faultsOf))
  const made = versionOf(result.data)
  if (made !== version) throw invalid(where, [`what it says has the version ${made}`])
  return { version, ...result.data }
}

function versionOf(rules: Omit<Ruleset, 'version'>): string {
  return hash('sha256', canonicalJson(rules), 'hex').slice(0, VERSION_DIGITS)
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw invalid(file, [`it is not JSON (${messageOf(error)})`])
  }
}

function faultsOf(issue: z.ZodIssue): string[] {
  const at = (...keys: (string | number)[]): string => [...issue.path, ...keys].join('.')
  if (issue.code === z.ZodIssueCode.unrecognized_keys) {
    return issue.keys.map((key) => `${at(key)}: there is no such key`)
  }
  return [issue.path.length > 0 ? `${at()}: ${issue.message}` : issue.message]
}

function invalid(file: string, faults: string[]): KeeperError {
  return new KeeperError('PARTNERS_RULES_INVALID', { file, faults })
}
