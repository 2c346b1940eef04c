import { openProgramContracts, pauseOf } from '../chain/program-contracts.ts'
import { KNOWN_PROGRAMS } from '../jobs/queue/program-list.ts'
import { readProgramBooks } from '../payouts/standing.ts'
import type { ProgramBooks } from '../payouts/standing.ts'
import type { Report, Run } from './command.ts'
import { z } from 'zod'
import { officeCommand } from './office.ts'
import type { OfficeOrder } from './office.ts'
import { grouped, money, shownTime, table } from './print.ts'
import type { Asset } from './print.ts'
import { settingsText } from './program-settings.ts'
import { openSession } from './session.ts'

/** What the store knows of them: from the running keeper where there is one. */
export const programBooksOrder: OfficeOrder = async ({ db }) => {
  const programs: ProgramBooks[] = []
  for (const { id } of KNOWN_PROGRAMS) programs.push(await readProgramBooks(db, id))
  const rows = programs.map(({ program, states }) => [program, String(states.owed.payouts)])
  return { json: { programs }, lines: table(['program', 'owed'], rows) }
}

// Through the keeper's socket amounts come as decimal strings.
const amount = z.coerce.bigint()
const tally = z.object({ payouts: z.number(), amount })
const answer = z.object({
  programs: z.array(
    z.object({
      program: z.string(),
      accrued: z.object({ awards: z.number(), amount }),
      states: z.object({
        owed: tally,
        inflight: tally,
        paid: tally,
        credited: tally,
        claimable: tally,
      }),
      accruedThrough: z.number().optional(),
      settledThrough: z.number().optional(),
      settings: z
        .object({
          minimum: amount,
          capPerPayee: amount.optional(),
          unit: amount,
          pushUpTo: z.number().optional(),
          keeperPays: z.boolean().optional(),
        })
        .optional(),
    }),
  ),
})
type Told = z.output<typeof answer>['programs'][number]

interface OnChain {
  payer: string
  balance: bigint
  available: bigint
}

/** The store and the chain side by side. */
export async function listProgramsCommand(run: Run): Promise<Report> {
  const session = await openSession(run)
  try {
    const { client } = session
    const contracts = await openProgramContracts(client, session.contracts.deployment)
    const { json } = await officeCommand('program books', programBooksOrder)(run, {}, [])
    const { programs } = answer.parse(json)
    const chain: (OnChain | undefined)[] = []
    for (const { number } of KNOWN_PROGRAMS) {
      const { terms, balance, available } = await contracts.payouts.programOf(number)
      const isAdded = terms.stipend !== 0n
      chain.push(isAdded ? { payer: terms.payer, balance, available } : undefined)
    }
    const pausedUntil = await pauseOf(client, contracts)
    const paused = pausedUntil === undefined ? [] : [`paused until ${shownTime(pausedUntil)}`]
    return {
      json: {
        programs: programs.map((each, i) => ({ ...each, chain: chain[i] ?? null })),
        pausedUntil: pausedUntil ?? null,
      },
      lines: [...paused, ...programs.flatMap((each, i) => linesOf(each, chain[i], contracts.unit))],
    }
  } finally {
    await session.close()
  }
}

function linesOf(told: Told, chain: OnChain | undefined, unit: Asset): string[] {
  const { program, states, accrued, settings } = told
  const tallies: [string, z.output<typeof tally>][] = [
    ['accrued, not settled', { payouts: accrued.awards, amount: accrued.amount }],
    ['owed', states.owed],
    ['on its way', states.inflight],
    ['paid', states.paid],
    ['credited (refused)', states.credited],
    ['to be claimed', states.claimable],
  ]
  const rows = tallies.map(([what, { payouts, amount: sum }]) => [
    what,
    grouped(payouts),
    money(sum, unit),
  ])
  return [
    `${program}: ${chain ? chainText(chain, unit) : `not added yet: muster program add ${program}`}`,
    `  ${settings ? settingsText(settings, unit.decimals) : 'its own rules: nothing is set'}`,
    ...table(['what', 'number', 'amount'], rows),
  ]
}

function chainText({ balance, available }: OnChain, unit: Asset): string {
  return `it has ${money(balance, unit)}, its budget lets out ${money(available, unit)}`
}
