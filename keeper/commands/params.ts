import { formatAmount, parseAmount } from '../base/amount.ts'
import { KeeperError } from '../base/errors.ts'
import type { Contracts } from '../chain/contracts.ts'
import { reportAdminCalls } from './admin.ts'
import type { Report, Run } from './command.ts'
import { table } from './print.ts'
import { NO_CAP, RANGES } from './deploy-plan.ts'
import { openSession } from './session.ts'
import type { SendingSession } from './session.ts'
import { encodeCall, readOperations } from './timelock.ts'
import type { AdminCall } from './timelock.ts'

/** Names of IValidatorRewards.Params, in its order; what each means stands there. */
const NAMES = {
  rateBps: 'online rate that makes eligible, in bps (8000 = 80 %)',
  minSnapshots: 'hours a cycle needs, 1 … 24',
  weighted: 'split by weight instead of equally',
  payAll: 'with nobody eligible pay everybody',
  maxRefused: 'refusals after which a batch stops, 1 … 32',
  stipend: 'gas that a payee gets',
  grace: 'seconds after which anyone may extract or transfer',
  settleDelay: 'seconds in which the guardian may void',
  cap: 'most that one cycle may pay',
} as const
type Name = keyof typeof NAMES

// Any cycle that is far enough away has the newest parameters.
const FAR_CYCLE = 2 ** 32 - 1

type Values = Record<Name, bigint | boolean>

async function readParams(contracts: Contracts, cycle: number): Promise<Values> {
  const params = await contracts.rewards.paramsAt(cycle)
  const entries = Object.keys(NAMES).map((name) => [name, params[name as Name]])
  return Object.fromEntries(entries) as Values
}

export async function paramsCommand(run: Run): Promise<Report> {
  const session = await openSession(run)
  try {
    const { contracts, client } = session
    const { decimals, symbol } = contracts.deployment
    const time = (await client.block('latest'))?.timestamp ?? 0
    const cycle = Number(await contracts.registry.cycleAt(time))
    const now = await readParams(contracts, cycle)
    const newest = await readParams(contracts, FAR_CYCLE)
    const show = (name: Name, value: bigint | boolean): string => {
      if (name !== 'cap') return String(value)
      return value === NO_CAP ? 'none' : `${formatAmount(value as bigint, decimals)} ${symbol}`
    }
    const rows = (Object.keys(NAMES) as Name[]).map((name) => {
      const changes = now[name] !== newest[name]
      const next = changes ? show(name, newest[name]) : ''
      return [name, show(name, now[name]), next, NAMES[name]]
    })
    return {
      json: { cycle, params: now, next: newest },
      lines: [
        `Parameters of cycle ${cycle} (and of the next, where they change)`,
        ...table(['name', 'now', 'next', 'meaning'], rows),
      ],
    }
  } finally {
    await session.close()
  }
}

export async function setParamsCommand(
  run: Run,
  _options: object,
  pairs: string[],
): Promise<Report> {
  return reportAdminCalls(run, async (session) => {
    const { contracts } = session
    const old = await readParams(contracts, FAR_CYCLE)
    const changed = { ...old, ...parsePairs(pairs, contracts.deployment.decimals) }
    const isSame = (Object.keys(NAMES) as Name[]).every((name) => old[name] === changed[name])
    if (isSame) throw new KeeperError('NOTHING_CHANGES', { what: pairs.join(' ') })
    const call: AdminCall = { contract: 'rewards', name: 'setParams', args: [changed] }
    await refusePending(session, call)
    return {
      calls: [call],
      notes: ['In force from the cycle after the execution on (R-20).'],
    }
  })
}

/** Both would set all parameters, so the later one would silently take the earlier one back. */
async function refusePending(session: SendingSession, call: AdminCall): Promise<void> {
  const { data } = encodeCall(session.contracts, call)
  const selector = data.slice(0, 10)
  const waiting = (await readOperations(session)).find(
    ({ state, calls }) =>
      (state === 'waiting' || state === 'ready') &&
      calls.some((each) => each.data.startsWith(selector) && each.data !== data),
  )
  if (waiting === undefined) return
  throw new KeeperError('PARAMS_PENDING', { id: waiting.id, what: waiting.what })
}

function parsePairs(pairs: string[], decimals: number): Partial<Values> {
  const values: Partial<Values> = {}
  for (const pair of pairs) {
    const [, name = '', text = ''] = /^(\w+)=(.+)$/.exec(pair) ?? []
    if (!(name in NAMES)) {
      const reason = `the names are ${Object.keys(NAMES).join(', ')}`
      throw new KeeperError('PARAM_INVALID', { name: name || pair, given: text, reason })
    }
    values[name as Name] = parseValue(name as Name, text, decimals)
  }
  return values
}

function parseValue(name: Name, text: string, decimals: number): bigint | boolean {
  if (name === 'weighted' || name === 'payAll') {
    if (text === 'true' || text === 'false') return text === 'true'
    throw new KeeperError('PARAM_INVALID', { name, given: text, reason: 'write true or false' })
  }
  if (name === 'cap') return text === 'none' ? NO_CAP : parseAmount(text, decimals)
  const [min, max] = RANGES[name]
  if (/^\d{1,8}$/.test(text) && Number(text) >= min && Number(text) <= max) return BigInt(text)
  const reason = `write a whole number within ${min} … ${max}`
  throw new KeeperError('PARAM_INVALID', { name, given: text, reason })
}
