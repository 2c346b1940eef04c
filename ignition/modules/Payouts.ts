import { buildModule } from '@nomicfoundation/hardhat-ignition/modules'

/** What pays the programs: under the timelock and the guardian that are there already. */
export default buildModule('Payouts', (m) => {
  const payouts = m.contract('ProgramPayouts', [
    m.getParameter<string>('admin'),
    m.getParameter<string>('guardian'),
    m.getParameter<string>('asset'),
  ])
  return { payouts }
})
