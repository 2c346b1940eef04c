import { buildModule } from '@nomicfoundation/hardhat-ignition/modules'

/** What a program's payees fetch their pay from: beside the ProgramPayouts that is there already. */
export default buildModule('Claims', (m) => {
  const claims = m.contract('ProgramClaims', [
    m.getParameter<string>('payouts'),
    m.getParameter<number>('program'),
    m.getParameter<number>('delay'),
  ])
  return { claims }
})
