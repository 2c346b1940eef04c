import { expect } from 'chai'
import { derive } from '../../../keeper/verify/derive.ts'
import { newFindings } from '../../../keeper/verify/divergence.ts'
import { callerIn } from '../../../keeper/verify/read-senders.ts'
import { loadFixture } from '../../helpers/contracts.ts'
import { liveLife } from '../../helpers/life.ts'
import { MUTANTS, withMutant } from '../../helpers/verify-mutants.ts'
import { auditSystem } from '../../helpers/verifying.ts'
import type { ChainAudit } from '../../../keeper/verify/audit-chain.ts'

const token = async () => liveLife(true)

const oneLine = (text: string): string => text.replace(/\s+/g, ' ')

describe('each rule of the derivation', function () {
  this.timeout(120_000)
  let audit: ChainAudit

  before(async () => {
    audit = await auditSystem((await loadFixture(token)).system)
  })

  /** Differences that a derivation finds in the recorded life; books compared as at its end. */
  function differences(derived: typeof derive): number {
    const findings = newFindings()
    const { grid, sponsor, asset, rewards } = audit.state
    const callerOf = callerIn(audit.txs, rewards)
    const facts = { grid, sponsor, asset, rewards, callerOf }
    const state = derived(audit.events, facts, findings)
    const about = { layer: 'chain', kind: 'end', what: 'where it ends' } as const
    findings.compare(about, endOf(audit.state), endOf(state))
    return findings.total
  }

  /** Books, and what became of every share. */
  function endOf({ books, cycles }: ChainAudit['state']): string {
    const shares = [...cycles.values()].map((cycle) => [cycle.cycle, cycle.state, ...cycle.shares])
    return JSON.stringify([Object.values(books.totals).map(String), shares])
  }

  it('agrees with the chain as it is', () => {
    expect(differences(derive)).to.equal(0)
  })

  for (const mutant of MUTANTS) {
    it(`is missed when ${mutant.file} has “${oneLine(mutant.to)}” for “${oneLine(mutant.from)}”`, async () => {
      expect(await withMutant(mutant, differences)).to.be.above(0)
    })
  }
})
