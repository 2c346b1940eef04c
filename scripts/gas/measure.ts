// Every figure of scripts/gas/goals.ts, measured afresh.
import type { Figures } from './goals.ts'
import { measureEvidence } from './measure-evidence.ts'
import { measureClaims } from './measure-claims.ts'
import { measurePays } from './measure-pay.ts'
import { measureBadPayees, measureTransfers } from './measure-transfer.ts'
import type { BadPayees } from './measure-transfer.ts'

export interface Measured {
  figures: Figures
  badPayees: BadPayees
}

export async function measureAll(): Promise<Measured> {
  const evidence = await measureEvidence()
  const transfers = await measureTransfers()
  const badPayees = await measureBadPayees()
  const pays = await measurePays()
  const claims = await measureClaims()
  return {
    badPayees,
    figures: {
      ...evidence,
      ...transfers,
      ...pays,
      ...claims,
      'one reverting payee in 100, extra': badPayees['one reverting payee in 100, extra'].extra,
      'one gas-burning payee in 100, extra': badPayees['one gas-burning payee in 100, extra'].extra,
      'one return-bombing payee in 100, extra':
        badPayees['one return-bombing payee in 100, extra'].extra,
      'one blocklisted payee in 100, extra': badPayees['one blocklisted payee in 100, extra'].extra,
    },
  }
}
