import { refuseSecond, runDaemon } from '../main.ts'
import type { KeeperDeps } from '../keeper.ts'
import type { Report, Run } from './command.ts'
import { LOCAL_CHAIN_ID } from './local-accounts.ts'
import { warnOfEmbeddedStore } from './settle.ts'
import { openSession, openSigner } from './session.ts'

/** Says what it is about to do, then runs until a signal; its own log has the rest. */
export async function keeperCommand(run: Run): Promise<Report> {
  const { config } = run
  await refuseSecond(config)
  const session = await openSession(run)
  const { chainId } = session.client
  const { deployment } = session.contracts
  await session.close()
  const signers: NonNullable<KeeperDeps['signers']> = {
    reporter: await openSigner(run, 'reporter', chainId),
    keeper: await openSigner(run, 'keeper', chainId),
  }
  const { symbol } = deployment
  run.note(
    `keeper of chain ${chainId}, paying ${symbol}: daily at ${config.dailyTime} ${config.zone}`,
  )
  run.note(
    config.beats === undefined
      ? 'no beats file: others push the snapshots'
      : `beats: ${config.beats}`,
  )
  warnOfEmbeddedStore(run, {
    isEmbedded: config.databaseUrl === undefined,
    isLocal: chainId === LOCAL_CHAIN_ID,
  })
  const exitCode = await runDaemon(config, { signers })
  return { json: { stopped: true, exitCode }, lines: ['keeper stopped'], exitCode }
}
