import { id } from 'ethers'
import { KeeperError } from '../base/errors.ts'
import type { Contracts } from '../chain/contracts.ts'
import type { DeployPlan } from './deploy-plan.ts'

const ADMIN = `0x${'0'.repeat(64)}`
const GUARDIAN = id('GUARDIAN_ROLE')
const KEEPER = id('KEEPER_ROLE')
const PROPOSER = id('PROPOSER_ROLE')
const EXECUTOR = id('EXECUTOR_ROLE')
const CANCELLER = id('CANCELLER_ROLE')

type Check = readonly [fault: string, isRight: Promise<boolean>]

/** asked of the chain, not believed: the powers are those that were printed, and no others. */
export async function checkDeployed(contracts: Contracts, plan: DeployPlan): Promise<void> {
  const checks = [...timelockChecks(contracts, plan), ...roleChecks(contracts, plan)]
  const results = await Promise.all(
    checks.map(async ([fault, isRight]) => ((await isRight) ? [] : [fault])),
  )
  const faults = results.flat()
  if (faults.length > 0) throw new KeeperError('DEPLOY_WRONG', { faults })
}

function timelockChecks({ timelock }: Contracts, plan: DeployPlan): Check[] {
  const { admin, deployer } = plan
  return [
    [
      `the timelock's delay is not ${plan.timelockDelay} s`,
      timelock.getMinDelay().then((delay) => delay === BigInt(plan.timelockDelay)),
    ],
    ['the admin key cannot propose', timelock.hasRole(PROPOSER, admin)],
    ['the admin key cannot execute', timelock.hasRole(EXECUTOR, admin)],
    ['anybody may execute', not(timelock.hasRole(EXECUTOR, `0x${'0'.repeat(40)}`))],
    ...[ADMIN, PROPOSER, EXECUTOR, CANCELLER].map((role): Check => [
      'the deployer has a role on the timelock',
      not(timelock.hasRole(role, deployer)),
    ]),
    ['the admin key administers the timelock itself', not(timelock.hasRole(ADMIN, admin))],
  ]
}

function roleChecks({ registry, rewards, deployment }: Contracts, plan: DeployPlan): Check[] {
  const { guardian, keeper, reporter, deployer, admin } = plan
  const both = [
    ['registry', registry],
    ['rewards', rewards],
  ] as const
  return [
    ...both.flatMap(([name, contract]): Check[] => [
      [`the timelock is not the admin of ${name}`, contract.hasRole(ADMIN, deployment.timelock)],
      [`the admin key has power on ${name} past the timelock`, not(contract.hasRole(ADMIN, admin))],
      [`the guardian is not set on ${name}`, contract.hasRole(GUARDIAN, guardian)],
      ...[ADMIN, GUARDIAN, KEEPER].map((role): Check => [
        `the deployer has a role on ${name}`,
        not(contract.hasRole(role, deployer)),
      ]),
    ]),
    ['the keeper is not set', rewards.hasRole(KEEPER, keeper)],
    ['the reporter is not set', registry.isReporter(reporter)],
    ['the keeper is a reporter', not(registry.isReporter(keeper))],
  ]
}

async function not(answer: Promise<boolean>): Promise<boolean> {
  return !(await answer)
}
