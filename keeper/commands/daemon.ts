import { refuseSecond, runDaemon } from '../main.ts'
import type { KeeperDeps, SigningRole } from '../keeper.ts'
import type { Report, Run } from './command.ts'
import { LOCAL_CHAIN_ID } from './local-accounts.ts'
import { warnOfEmbeddedStore } from './settle.ts'
import { openSession, openSigner } from './session.ts'

export interface DaemonOptions {
  /** Another process takes the beats and pushes the hours. */
  withoutReporter?: boolean
}

/** Says what it is about to do, then runs until a signal; its own log has the rest. */
export async function keeperCommand(run: Run, options: DaemonOptions): Promise<Report> {
  const { config } = run
  await refuseSecond(config)
  const session = await openSession(run)
  const { chainId } = session.client
  const { deployment } = session.contracts
  await session.close()
  const roles: SigningRole[] = options.withoutReporter ? ['keeper'] : ['reporter', 'keeper']
  const signers: NonNullable<KeeperDeps['signers']> = {}
  for (const role of roles) signers[role] = await openSigner(run, role, chainId)
  const { symbol } = deployment
  run.note(
    `keeper of chain ${chainId}, paying ${symbol}: daily at ${config.dailyTime} ${config.zone}`,
  )
  run.note(beatsLine(run, options))
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
