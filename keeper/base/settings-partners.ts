import { z } from 'zod'
import { setting } from './setting.ts'
import { hourOf, parseIso } from './time.ts'

// As many as a person keeps in a list; more of them are marked in the table of partners.
const MAX_SPECIAL = 10_000
// A payee of the pipeline: its account in the books has room for it.
const MAX_PARTNER_LENGTH = 64

const sourceUrl = databaseUrl(['mysql:', 'mariadb:', 'postgres:', 'postgresql:'])
const specialUrl = databaseUrl(['mysql:', 'mariadb:'])

function databaseUrl(schemes: string[]) {
  return z
    .string()
    .url()
    .refine((text) => schemes.includes(URL.parse(text)?.protocol ?? ''), {
      message: `not ${schemes.map((scheme) => `${scheme}//`).join(', ')}`,
    })
}

const partnerIds = z
  .string()
  .transform((text) => text.split(',').map((id) => id.trim()))
  .pipe(
    z
      .array(
        z
          .string()
          .min(1, 'an id is empty')
          .max(MAX_PARTNER_LENGTH)
          .regex(/^[\x21-\x39\x3b-\x7e]*$/, 'an id is printable ASCII without blanks and colons'),
      )
      .max(MAX_SPECIAL),
  )

// No vote is older: a slip of the hand would have decades of empty hours distributed.
const FIRST_MS = Date.UTC(2000, 0)

const wholeHour = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}T\d{2}:00(:00)?Z$/, 'not a whole hour such as 2026-11-21T07:00Z')
  .refine((text) => Date.parse(text) >= FIRST_MS, 'no such hour, or before the year 2000')
  .transform((text) => hourOf(parseIso(text)))

/** The table of the second database. */
export interface SpecialTable {
  /** In the database of the URL, or `database.table`. */
  table: string
  partner: string
  reward: string
  time: string
  /** Of the start of the hour, in UTC. */
  timeAs: 'datetime' | 'unix'
}

// Longer names neither MySQL nor MariaDB has; these need no care in quoting.
const NAME = '[A-Za-z_][A-Za-z0-9_$]{0,63}'
const COLUMNS = `(?<partner>${NAME}),(?<reward>${NAME}),(?<time>${NAME}):(?<timeAs>datetime|unix)`
const SPECIAL_TABLE = new RegExp(`^(?<table>${NAME}(?:\\.${NAME})?)\\(${COLUMNS}\\)$`)

const specialTable = z
  .string()
  .transform((text) => text.replaceAll(' ', ''))
  .refine((text) => SPECIAL_TABLE.test(text), {
    message: 'not table(partner,reward,time:datetime) or table(partner,reward,time:unix)',
  })
  .transform((text) => ({ ...SPECIAL_TABLE.exec(text)?.groups }) as unknown as SpecialTable)

/** What the program of partners is told; what decides about amounts is in its rules' file. */
export const PARTNERS_SETTINGS = {
  partners: setting(
    'MUSTER_PARTNERS',
    'off',
    'off, pay or shadow',
    z.enum(['off', 'pay', 'shadow']),
    'whether the keeper distributes to partners; shadow calculates and records, and pays nothing',
  ),
  partnersRules: setting(
    'MUSTER_PARTNERS_RULES',
    undefined,
    'path',
    z.string().min(1).optional(),
    'rules of the distribution (docs/partners-rules.md); the documented defaults without it',
  ),
  partnersSource: setting(
    'MUSTER_PARTNERS_SOURCE',
    undefined,
    'path',
    z.string().min(1).optional(),
    'description of the database with the votes (docs/partners-source.md); without it they are imported',
  ),
  partnersSourceUrl: setting(
    'MUSTER_PARTNERS_SOURCE_URL',
    undefined,
    'URL',
    sourceUrl.optional(),
    'that database, mysql://, mariadb:// or postgres://, with an account that may only read',
    true,
  ),
  partnersSpecial: setting(
    'MUSTER_PARTNERS_SPECIAL',
    undefined,
    'ids',
    partnerIds.optional(),
    'special partners, separated by commas, besides those that the source marks',
  ),
  partnersSpecialUrl: setting(
    'MUSTER_PARTNERS_SPECIAL_URL',
    undefined,
    'URL',
    specialUrl.optional(),
    'second database, mysql:// or mariadb://, whose cc_hourly has the hourly sums of special partners',
    true,
  ),
  partnersSpecialTable: setting(
    'MUSTER_PARTNERS_SPECIAL_TABLE',
    'cc_hourly(partner_id,cc_reward,time:datetime)',
    'table and columns',
    specialTable,
    'table there, its columns of id, amount and hour, and how the hour is written: datetime (UTC) or unix',
  ),
  partnersZone: setting(
    'MUSTER_PARTNERS_ZONE',
    'UTC',
    'IANA zone',
    z.string().min(1),
    "zone of the partners' days; chosen once, with the first hour",
  ),
  partnersMinute: setting(
    'MUSTER_PARTNERS_MINUTE',
    '30',
    'minute',
    z.coerce.number().int().min(0).max(59),
    'an hour is distributed at that minute of the next one',
  ),
  partnersDailyTime: setting(
    'MUSTER_PARTNERS_DAILY_TIME',
    '00:00:35',
    '00:MM:SS',
    // The first hour of the next day is distributed after it, and must not wait.
    z.string().regex(/^00:[0-5]\d:[0-5]\d$/, 'not 00:MM:SS'),
    'wall-clock time at which the day before is distributed, all its hours first',
  ),
  partnersFrom: setting(
    'MUSTER_PARTNERS_FROM',
    undefined,
    'ISO hour',
    wholeHour.optional(),
    'first hour that the keeper ever distributes; without it the one in which it first ran so',
  ),
} as const
