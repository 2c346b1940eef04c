import claimsModule from '../../ignition/modules/Claims.ts'
import { KeeperError } from '../base/errors.ts'
import type { Address } from '../base/schema.ts'
import { NATIVE, readDeployment, writeDeployment } from '../chain/contracts.ts'
import type { Deployment } from '../chain/contracts.ts'
import { openProgramContracts } from '../chain/program-contracts.ts'
import { knownProgram } from '../jobs/queue/program-list.ts'
import type { KnownProgram } from '../jobs/queue/program-list.ts'
import { openClaims } from '../payouts/claims/claims-contract.ts'
import { reportAdminCalls } from './admin.ts'
import type { Report, Run } from './command.ts'
import { addressIn, journalFolder, runModule } from './ignite.ts'
import { LOCAL_CHAIN_ID } from './local-accounts.ts'
import { openSession, openSigner } from './session.ts'
import type { Session } from './session.ts'

export interface DeployClaimsOptions {
  delay: string
  force?: boolean
}

const HOUR = 3_600
// ProgramClaims.MIN_DELAY and MAX_DELAY.
const MAX_DELAY_HOURS = 14 * 24

/** Deploys and records a program's claims contract; that it may have the program's money goes through the timelock. */
export async function deployClaimsCommand(
  run: Run,
  { delay, force }: DeployClaimsOptions,
  [name = '']: string[],
): Promise<Report> {
  const program = knownProgram(name)
  const seconds = delayOf(delay)
  const claims = await deployOnce(run, program, { seconds, force: force === true })
  const admin = await reportAdminCalls(run, async () => {
    return { calls: [{ contract: 'payouts', name: 'setClaims', args: [program.number, claims] }] }
  })
  return {
    json: { program: name, claims, delay: seconds, ...(admin.json as object) },
    lines: [
      `ProgramClaims of ${name} is at ${claims}: a root rests for ${seconds / HOUR} h`,
      ...admin.lines,
    ],
  }
}

function delayOf(text: string): number {
  const hours = /^[1-9]\d{0,2}$/.test(text) ? Number(text) : 0
  if (hours >= 1 && hours <= MAX_DELAY_HOURS) return hours * HOUR
  const what = `--delay "${text}" is not a number of hours from 1 to ${MAX_DELAY_HOURS}`
  throw new KeeperError('USAGE', { what, command: 'claims deploy' })
}

interface Wanted {
  seconds: number
  force: boolean
}

/** A second run finds the recorded one when the contract has not joined the program yet. */
async function deployOnce(run: Run, program: KnownProgram, wanted: Wanted): Promise<Address> {
  const session = await openSession(run)
  try {
    const { client } = session
    const deployment = await readDeployment(run.config.deploymentsDir, client.chainId)
    const { payouts, address: hand } = await openProgramContracts(client, deployment)
    const { terms, claims: joined } = await payouts.programOf(program.number)
    if (terms.stipend === 0n) {
      throw new KeeperError('PROGRAM_NOT_ADDED', { program: program.id, number: program.number })
    }
    const known = deployment.claims?.[program.id]
    if (known !== undefined && !wanted.force) {
      if (joined === NATIVE) return known
      throw new KeeperError('CLAIMS_DEPLOYED', { program: program.id, address: known })
    }
    const address = await deploy(run, session, {
      program,
      hand,
      delay: wanted.seconds,
      replaced: known,
    })
    const deployBlock = deployment.payouts?.deployBlock ?? 0
    const { number } = program
    await openClaims(client, { contract: address, program: number, payouts: hand, deployBlock })
    const claims = { ...deployment.claims, [program.id]: address }
    const changed: Deployment = { ...deployment, claims }
    await writeDeployment(run.config.deploymentsDir, changed)
    return address
  } finally {
    await session.close()
  }
}

interface Deploying {
  program: KnownProgram
  hand: Address
  delay: number
  replaced: Address | undefined
}

async function deploy(
  run: Run,
  { client }: Session,
  { program, hand, delay, replaced }: Deploying,
): Promise<Address> {
  const { config } = run
  const isLocal = client.chainId === LOCAL_CHAIN_ID
  const name = `chain-${client.chainId}-claims-${program.id}`
  const result = await runModule({
    client,
    signer: await openSigner(run, 'deployer', client.chainId),
    module: claimsModule,
    parameters: { payouts: hand, program: program.number, delay },
    journalDir: isLocal ? undefined : journalFolder(config.deploymentsDir, name, replaced),
  })
  return addressIn(result, 'Claims#ProgramClaims')
}
