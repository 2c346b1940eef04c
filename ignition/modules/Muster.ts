import { buildModule } from '@nomicfoundation/hardhat-ignition/modules'

const NO_ADMIN = '0x0000000000000000000000000000000000000000'

/**
 * The whole system: the timelock that is its admin, the evidence, the decision with its linked library,
 * and the one call that makes registry and rewards know each other. The sender keeps no role.
 * `muster deploy` fills the parameters; keeper/commands/deploy-plan.ts says what each one means.
 */
export default buildModule('Muster', (m) => {
  const admin = m.getParameter<string>('admin')
  const guardian = m.getParameter<string>('guardian')
  const delay = m.getParameter<bigint>('timelockDelay')

  const timelock = m.contract(
    'TimelockController',
    // The same key proposes and executes; nobody administers the timelock but itself.
    [delay, [admin], [admin], NO_ADMIN],
    { id: 'Timelock' },
  )
  const registry = m.contract('HeartbeatRegistry', [
    timelock,
    guardian,
    m.getParameter<string>('reporter'),
    m.getParameter<bigint>('firstCut'),
    m.getParameter<bigint>('pushWindow'),
  ])
  const extraction = m.library('Extraction')
  const rewards = m.contract(
    'ValidatorRewards',
    [
      timelock,
      guardian,
      m.getParameter<string>('keeper'),
      registry,
      m.getParameter<string>('asset'),
      m.getParameter<string>('sponsor'),
      {
        rateBps: m.getParameter<bigint>('rateBps'),
        minSnapshots: m.getParameter<bigint>('minSnapshots'),
        weighted: m.getParameter<boolean>('weighted'),
        payAll: m.getParameter<boolean>('payAll'),
        maxRefused: m.getParameter<bigint>('maxRefused'),
        stipend: m.getParameter<bigint>('stipend'),
        grace: m.getParameter<bigint>('grace'),
        settleDelay: m.getParameter<bigint>('settleDelay'),
        cap: m.getParameter<bigint>('cap'),
      },
    ],
    { libraries: { Extraction: extraction } },
  )
  m.call(registry, 'setRewards', [rewards])
  return { timelock, registry, extraction, rewards }
})
