import { askKeeper } from '../api/control.ts'
import { KeeperError, isKeeperError } from '../base/errors.ts'
import { refuseSecond, runDaemon } from '../main.ts'
import type { Report, Run } from './command.ts'
import { openSession, openSigner } from './session.ts'

// Free on most machines, and above what needs a privilege; behind a proxy it is the proxy's 443.
const DEFAULT_PORT = 8600

/**
 * The intake alone: it counts beats, closes hours and pushes them with the reporter key; it holds no other. A
 * monitor among several is just that, with a store of its own.
 */
export async function intakeCommand(run: Run): Promise<Report> {
  const config = { ...run.config, intakePort: run.config.intakePort ?? DEFAULT_PORT }
  await refuseSecond(config)
  await refuseRunning(run)
  const session = await openSession(run)
  const { chainId } = session.client
  const { registry } = session.contracts.deployment
  await session.close()
  const reporter = await openSigner(run, 'reporter', chainId)
  run.note(`intake of registry ${registry} on chain ${chainId}, reporter ${reporter.address}`)
  const exitCode = await runDaemon(config, { roles: ['reporter'], signers: { reporter } })
  return { json: { stopped: true, exitCode }, lines: ['intake stopped'], exitCode }
}

/** Orders reach a process by its home: two of them in one would answer for each other. */
async function refuseRunning({ config, signal }: Run): Promise<void> {
  const asked = { name: 'status', args: [], options: {} }
  const answer = await askKeeper(config.home, asked, signal).catch((error: unknown) => {
    if (isKeeperError(error, 'CONTROL_CLOSED')) return undefined
    throw error
  })
  if (answer) throw new KeeperError('HOME_IN_USE', { home: config.home })
}
