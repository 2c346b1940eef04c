import { dayAt } from '../base/day.ts'
import type { Deployment } from '../chain/contracts.ts'
import { refuseSecond, runDaemon } from '../main.ts'
import type { KeeperDeps, SigningRole } from '../keeper.ts'
import type { Report, Run } from './command.ts'
import { LOCAL_CHAIN_ID } from './local-accounts.ts'
import { warnOfEmbeddedStore } from './settle.ts'
import { hasKey, isOurs, openSession, openSigner } from './session.ts'

export interface DaemonOptions {
  /** Another process takes the beats and pushes the hours. */
  withoutReporter?: boolean
  /** Another process pays the programs. */
  withoutPayer?: boolean
}

/** Says what it is about to do, then runs until a signal; its own log has the rest. */
export async function keeperCommand(run: Run, options: DaemonOptions): Promise<Report> {
  const { config } = run
  await refuseSecond(config)
  const session = await openSession(run)
  const { chainId } = session.client
  const { deployment } = session.contracts
  await session.close()
  const roles = rolesOf(run, options, deployment)
  const signers: NonNullable<KeeperDeps['signers']> = {}
  for (const role of roles) {
    // Its password may lie sealed in the store, which the keeper opens.
    const isLater = role === 'payer' && isOurs(run, role)
    if (!isLater) signers[role] = await openSigner(run, role, chainId)
  }
  const { symbol } = deployment
  run.note(
    `keeper of chain ${chainId}, paying ${symbol}: daily at ${config.dailyTime} ${config.zone}`,
  )
  run.note(beatsLine(run, options))
  run.note(programsLine(roles, deployment))
  for (const line of partnersLines(run, roles, deployment)) run.note(line)
  warnOfEmbeddedStore(run, {
    isEmbedded: config.databaseUrl === undefined,
    isLocal: chainId === LOCAL_CHAIN_ID,
  })
  const exitCode = await runDaemon(config, { signers, roles })
  return { json: { stopped: true, exitCode }, lines: ['keeper stopped'], exitCode }
}

function beatsLine({ config }: Run, { withoutReporter }: DaemonOptions): string {
  if (withoutReporter) return 'without the reporter key: an intake of its own pushes the snapshots'
  if (config.intakePort !== undefined) return 'beats come from nodes, through the intake'
  if (config.beats !== undefined) return `beats: ${config.beats}`
  return 'no intake and no beats file: others push the snapshots'
}

/** Who has no key for the programs leaves them to another process: the validators' day does not need it. */
function rolesOf(
  run: Run,
  options: DaemonOptions,
  { payouts, chainId }: Deployment,
): SigningRole[] {
  const isPayer = payouts !== undefined && !options.withoutPayer && hasKey(run, 'payer', chainId)
  return [
    ...(options.withoutReporter ? [] : (['reporter'] as const)),
    'keeper',
    ...(isPayer ? (['payer'] as const) : []),
  ]
}

function programsLine(roles: readonly SigningRole[], { payouts }: Deployment): string {
  if (payouts === undefined) return 'no programs: ProgramPayouts is not deployed'
  if (roles.includes('payer')) return `programs are paid by ${payouts.address}`
  return 'without the payer key: another process pays the programs'
}

/** Its zone is looked up before anything starts: ZONE_UNKNOWN. */
function partnersLines(
  { config, clock }: Run,
  roles: readonly SigningRole[],
  { payouts }: Deployment,
): string[] {
  const { partners, partnersMinute: minute, partnersDailyTime: time, partnersZone: zone } = config
  if (partners === 'off') return []
  const day = dayAt(zone, clock.now())
  if (payouts === undefined || !roles.includes('payer')) {
    return ['partners: nothing is distributed here, for that goes with the payer key']
  }
  const how = partners === 'shadow' ? 'in the shadow: nothing is paid' : 'paid daily'
  return [`partners: hours at minute ${minute}, days at ${time} ${zone} (today ${day}); ${how}`]
}
