import { isHexString } from 'ethers'
import { KeeperError, messageOf } from '../base/errors.ts'
import type { Hex } from '../base/schema.ts'
import { cutOf, isoTime } from '../base/time.ts'
import type { Report, Run } from './command.ts'
import { plural, shortHash, shownTime, table } from './print.ts'
import { showProgress } from './progress.ts'
import type { SendingSession } from './session.ts'
import { openSendingSession, openSession } from './session.ts'
import type { AdminCall, AdminOutcome, Operation } from './timelock.ts'
import { cancel, execute, readOperations, roleId, runAdminCalls } from './timelock.ts'

/** Opens the admin's session, carries the calls out and says what happened to each. */
export async function reportAdminCalls(
  run: Run,
  makeCalls: (session: SendingSession) => Promise<{ calls: AdminCall[]; notes?: string[] }>,
): Promise<Report> {
  const session = await openSendingSession(run, 'admin')
  const progress = showProgress('admin operations', run.clock)
  try {
    const { calls, notes = [] } = await makeCalls(session)
    const outcomes = await runAdminCalls(session, calls, (done) =>
      progress.update(done, calls.length),
    )
    const isRoster = calls.some(({ contract }) => contract === 'registry')
    const effect = isRoster ? await effectOf(session, outcomes) : []
    const lines = [...notes, ...outcomeLines(outcomes), ...effect]
    return { json: { operations: outcomes, notes }, lines }
  } finally {
    progress.stop()
    await session.close()
  }
}

/** A roster change is for the cycles to come: who looks at today's finds nothing. */
async function effectOf(
  { client, contracts }: SendingSession,
  outcomes: AdminOutcome[],
): Promise<string[]> {
  if (outcomes.some(({ state }) => state !== 'executed')) {
    return ['It counts from the cycle after the execution on.']
  }
  const now = (await client.block('latest'))?.timestamp ?? 0
  const next = Number(await contracts.registry.cycleAt(now)) + 1
  return [
    `It counts from cycle ${next} on: ${shownTime(cutOf(contracts.deployment.firstCut, next - 1))}.`,
  ]
}

function outcomeLines(outcomes: AdminOutcome[]): string[] {
  return outcomes.flatMap(({ id, what, state, readyAt, hashes }) => {
    const sent = hashes.length > 0 ? [`  sent: ${hashes.join(' ')}`] : []
    if (state === 'executed') return [`executed  ${what}`, ...sent]
    return [
      `scheduled ${what}`,
      ...sent,
      `  ready at ${shownTime(readyAt)}; then run: muster admin execute ${id}`,
    ]
  })
}

export async function scheduleCommand(run: Run, _options: object, args: string[]): Promise<Report> {
  const [contract, name, ...values] = args
  if (contract !== 'registry' && contract !== 'rewards' && contract !== 'timelock') {
    const what = `"${contract}" is not registry, rewards or timelock`
    throw new KeeperError('USAGE', { what, command: 'admin schedule' })
  }
  return reportAdminCalls(run, async ({ contracts }) => {
    const call: AdminCall = { contract, name: name ?? '', args: values.map(valueOf) }
    try {
      contracts[contract].interface.encodeFunctionData(call.name as never, call.args as never)
    } catch (error) {
      const what = `${contract}.${name} does not take these arguments: ${shortMessageOf(error)}`
      throw new KeeperError('USAGE', { what, command: 'admin schedule' })
    }
    return { calls: [call] }
  })
}

/** Without ethers' own tail: its codes and its version mean nothing here. */
function shortMessageOf(error: unknown): string {
  const { shortMessage } = error as { shortMessage?: string }
  return shortMessage ?? messageOf(error)
}

/** JSON for lists and tuples, KEEPER_ROLE and its like by name, everything else as it is. */
function valueOf(text: string): unknown {
  if (/^[A-Z]+_ROLE$/.test(text)) return roleId(text)
  if (!/^[[{]|^(true|false)$/.test(text)) return text
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw new KeeperError('USAGE', { what: `"${text}" is not JSON`, command: 'admin schedule' })
  }
}

export async function executeCommand(
  run: Run,
  { ready }: { ready?: boolean },
  [id]: string[],
): Promise<Report> {
  if ((id === undefined) === (ready !== true)) {
    throw new KeeperError('USAGE', {
      what: 'give an operation id, or --ready',
      command: 'admin execute',
    })
  }
  const session = await openSendingSession(run, 'admin')
  const progress = showProgress('executing', run.clock)
  try {
    const operations = await readOperations(session)
    const chosen =
      id === undefined
        ? operations.filter(({ state }) => state === 'ready')
        : [requireReady(operations, id)]
    const executed: { id: Hex; what: string; hash: Hex }[] = []
    for (const operation of chosen) {
      const hash = await execute(session, operation)
      executed.push({ id: operation.id, what: operation.what, hash })
      progress.update(executed.length, chosen.length)
    }
    const lines = executed.map(({ what, hash }) => `executed  ${what}  ${hash}`)
    const none = ['No operation is ready; see: muster admin list']
    return { json: { executed }, lines: lines.length > 0 ? lines : none }
  } finally {
    progress.stop()
    await session.close()
  }
}

function requireReady(operations: Operation[], id: string): Operation {
  const operation = requireKnown(operations, id)
  const { state, readyAt } = operation
  if (state === 'ready') return operation
  if (state === 'waiting') {
    throw new KeeperError('OPERATION_NOT_READY', { id, state, readyAt: isoTime(readyAt) })
  }
  throw new KeeperError('OPERATION_OVER', { id, state })
}

function requireKnown(operations: Operation[], id: string): Operation {
  const operation = isHexString(id, 32) && operations.find((known) => known.id === id.toLowerCase())
  if (!operation) throw new KeeperError('OPERATION_UNKNOWN', { id })
  return operation
}

export async function cancelCommand(
  run: Run,
  _options: object,
  [id = '']: string[],
): Promise<Report> {
  const session = await openSendingSession(run, 'admin')
  try {
    const operation = requireKnown(await readOperations(session), id)
    const { state, what } = operation
    if (state === 'done' || state === 'cancelled')
      throw new KeeperError('OPERATION_OVER', { id, state })
    const hash = await cancel(session, operation)
    return { json: { id, what, hash }, lines: [`cancelled ${what}  ${hash}`] }
  } finally {
    await session.close()
  }
}

export async function listOperationsCommand(run: Run, options: { all?: boolean }): Promise<Report> {
  const session = await openSession(run)
  try {
    const all = await readOperations(session)
    const pending = all.filter(({ state }) => state === 'waiting' || state === 'ready')
    const shown = options.all === true ? all : pending
    const delay = Number(await session.contracts.timelock.getMinDelay())
    const rows = shown.map(({ id, state, readyAt, what }) => [
      options.all === true ? shortHash(id) : id,
      state,
      readyAt > 1 ? shownTime(readyAt) : '-',
      what,
    ])
    const operations = shown.map(({ calls: _calls, ...facts }) => facts)
    return {
      json: { delay, operations },
      lines: [
        `Timelock with a delay of ${delay} s: ${plural(shown.length, 'operation')}`,
        ...(rows.length > 0 ? table(['id', 'state', 'ready at', 'what'], rows) : []),
      ],
    }
  } finally {
    await session.close()
  }
}
