import payoutsModule from '../../ignition/modules/Payouts.ts'
import { KeeperError } from '../base/errors.ts'
import type { Address } from '../base/schema.ts'
import { NATIVE, writeDeployment } from '../chain/contracts.ts'
import type { Deployment } from '../chain/contracts.ts'
import { openProgramContracts } from '../chain/program-contracts.ts'
import type { ProgramContracts } from '../chain/program-contracts.ts'
import type { TxSigner } from '../chain/keys/signer.ts'
import type { Report, Run } from './command.ts'
import { readAsset } from './deploy.ts'
import { addressIn, journalFolder, runModule } from './ignite.ts'
import { LOCAL_CHAIN_ID } from './local-accounts.ts'
import { roleId } from './timelock.ts'
import { openSession, openSigner } from './session.ts'
import type { Session } from './session.ts'

export interface DeployPayoutsOptions {
  token?: string
  force?: boolean
}

/** Beside the deployment that is recorded: its timelock becomes the admin, its guardian the guardian. */
export async function deployPayoutsCommand(
  run: Run,
  { token, force }: DeployPayoutsOptions,
): Promise<Report> {
  const session = await openSession(run)
  try {
    const { client, contracts } = session
    const { chainId } = client
    const known = contracts.deployment.payouts
    if (known !== undefined && force !== true) {
      throw new KeeperError('PAYOUTS_DEPLOYED', { chainId, address: known.address })
    }
    const signer = await openSigner(run, 'deployer', chainId)
    // Without a flag the programs pay what the validators are paid in.
    const asset = await readAsset(client, token ?? tokenOf(contracts.deployment))
    const fromBlock = await client.blockNumber()
    const address = await deploy(run, session, signer, {
      asset: asset.address,
      replaced: known?.address,
    })
    const { decimals, symbol } = asset
    const payouts = { address, asset: asset.address, decimals, symbol, deployBlock: fromBlock + 1 }
    // The claims contracts move money of the ProgramPayouts they were made for.
    const { claims: _claims, ...kept } = contracts.deployment
    const deployment: Deployment = { ...kept, payouts }
    await checkPowers(await openProgramContracts(client, deployment), signer.address)
    const file = await writeDeployment(run.config.deploymentsDir, deployment)
    return {
      json: { file, payouts },
      lines: [
        `ProgramPayouts deployed on chain ${chainId} at ${address}, paying ${symbol}; recorded in ${file}`,
        'Checked: the admin is the timelock, and the deployer has no role.',
        'Next: muster program add manual --capacity AMOUNT --per-day AMOUNT',
      ],
    }
  } finally {
    await session.close()
  }
}

function tokenOf({ asset }: Deployment): string | undefined {
  return asset === NATIVE ? undefined : asset
}

async function deploy(
  { config }: Run,
  { client, contracts }: Session,
  signer: TxSigner,
  { asset, replaced }: { asset: Address; replaced: Address | undefined },
): Promise<Address> {
  const { timelock, guardian } = contracts.deployment
  const isLocal = client.chainId === LOCAL_CHAIN_ID
  const name = `chain-${client.chainId}-payouts`
  const result = await runModule({
    client,
    signer,
    module: payoutsModule,
    parameters: { admin: timelock, guardian, asset },
    // As for the contracts before it: a local chain comes and goes.
    journalDir: isLocal ? undefined : journalFolder(config.deploymentsDir, name, replaced),
  })
  return addressIn(result, 'Payouts#ProgramPayouts')
}

/** asked of the chain, not believed. */
async function checkPowers(
  { payouts, deployment }: ProgramContracts,
  deployer: Address,
): Promise<void> {
  const { timelock, guardian } = deployment
  const [ADMIN, GUARDIAN] = [roleId('DEFAULT_ADMIN_ROLE'), roleId('GUARDIAN_ROLE')]
  const checks: [fault: string, isRight: boolean][] = [
    ['the timelock is not the admin of payouts', await payouts.hasRole(ADMIN, timelock)],
    ['the guardian is not set on payouts', await payouts.hasRole(GUARDIAN, guardian)],
    ['the deployer is an admin of payouts', !(await payouts.hasRole(ADMIN, deployer))],
    ['the deployer is a guardian of payouts', !(await payouts.hasRole(GUARDIAN, deployer))],
  ]
  const faults = checks.flatMap(([fault, isRight]) => (isRight ? [] : [fault]))
  if (faults.length > 0) throw new KeeperError('DEPLOY_WRONG', { faults })
}
