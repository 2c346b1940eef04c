import { expect } from 'chai'
import type { ChainAudit } from '../../../keeper/verify/audit-chain.ts'
import type { ChainEvent, EventName, EventOf } from '../../../keeper/verify/chain-events.ts'
import { derive } from '../../../keeper/verify/derive.ts'
import { newFindings, sentenceOf } from '../../../keeper/verify/divergence.ts'
import { callerIn } from '../../../keeper/verify/read-senders.ts'
import { loadFixture } from '../../helpers/contracts.ts'
import { liveLife } from '../../helpers/life.ts'
import { auditSystem } from '../../helpers/verifying.ts'

const token = async () => liveLife(true)
const STRANGER = '0x00000000000000000000000000000000DeaDBeef' as const

describe('a chain that tells something else than the rules allow', function () {
  this.timeout(120_000)
  let audit: ChainAudit

  before(async () => {
    audit = await auditSystem((await loadFixture(token)).system)
  })

  /** The first finding in a forged list of events. */
  function firstIn(events: readonly ChainEvent[]): { kind: string; sentence: string } {
    const { grid, sponsor, asset, rewards } = audit.state
    const findings = newFindings()
    const callerOf = callerIn(audit.txs, rewards)
    derive(events, { grid, sponsor, asset, rewards, callerOf }, findings)
    const [first] = findings.list
    return { kind: first?.kind ?? 'none', sentence: first ? sentenceOf(first) : '' }
  }

  /** The same events with the nth of a name changed. */
  function changed<Name extends EventName>(
    name: Name,
    change: (args: EventOf<Name>['args']) => object,
    nth = 0,
  ): ChainEvent[] {
    const places = audit.events.flatMap((event, at) => (event.name === name ? [at] : []))
    const at = places[nth] ?? -1
    return audit.events.map((event, i) => {
      if (i !== at) return event
      const args = event.args as EventOf<Name>['args']
      return { ...event, args: { ...args, ...change(args) } } as ChainEvent
    })
  }

  function twice(name: EventName): ChainEvent[] {
    const at = audit.events.findIndex((event) => event.name === name)
    const event = audit.events[at]
    return event ? audit.events.toSpliced(at, 0, event) : audit.events
  }

  function without(name: EventName): ChainEvent[] {
    const at = audit.events.findIndex((event) => event.name === name)
    return audit.events.toSpliced(at, 1)
  }

  it('a payment to somebody who is not due is named with cycle, validator and transaction', () => {
    const { kind, sentence } = firstIn(
      changed('Paid', ({ words }) => ({
        words: words.map(({ word, mask }) => ({ word, mask: mask | 2n })),
      })),
    )
    expect(kind).to.equal('paid-not-due')
    expect(sentence).to.match(
      /^cycle 1: validator 1 was paid \(tx 0x[0-9a-f]{64}\): expected nothing: it is not due, found 66666\.$/,
    )
  })

  it('a payment told twice is one too many', () => {
    const { kind, sentence } = firstIn(twice('Paid'))
    expect(kind).to.equal('paid-twice')
    expect(sentence).to.match(/expected nothing more: it was paid before/)
  })

  it('a transfer of the token to a stranger is a stray one', () => {
    const { kind, sentence } = firstIn(changed('Transfer', () => ({ to: STRANGER })))
    // The payee that got nothing and the stranger that got it: either is named.
    expect(['stray-transfer', 'transfer-amount']).to.include(kind)
    expect(sentence).to.match(/tokens that went to 0x/)
  })

  const FORGERIES: [string, () => ChainEvent[], string][] = [
    [
      'a transfer of one unit more',
      () => changed('Transfer', ({ value }) => ({ value: value + 1n })),
      'transfer-amount',
    ],
    ['a transfer left out', () => without('Transfer'), 'transfer-amount'],
    [
      'a pool of one unit more',
      () => changed('Extracted', ({ pool }) => ({ pool: pool + 1n })),
      'pool',
    ],
    [
      'one eligible validator more',
      () => changed('Extracted', ({ eligible }) => ({ eligible: eligible + 1 })),
      'eligible',
    ],
    [
      'one share more',
      () => changed('Extracted', ({ allocated }) => ({ allocated: allocated + 1n })),
      'allocated',
    ],
    ['a carry that is kept', () => changed('Extracted', () => ({ carried: 0n })), 'carried'],
    [
      'another bit among the eligible',
      () => changed('Counted', () => ({ words: [3n] })),
      'eligible',
    ],
    [
      'one snapshot less',
      () => changed('Extracted', ({ snapshots }) => ({ snapshots: snapshots - 1 })),
      'snapshots',
    ],
    ['a cycle decided twice', () => twice('Extracted'), 'decided-twice'],
    ['a decision left out', () => without('Extracted'), 'rule'],
    [
      'a roll over for another reason',
      () => changed('CycleRolledOver', () => ({ reason: 1 })),
      'reason',
    ],
    ['a roll over told twice', () => twice('CycleRolledOver'), 'decided-twice'],
    [
      'a void of one unit less',
      () => changed('CycleVoided', ({ returned }) => ({ returned: returned - 1n })),
      'void',
    ],
    ['a void that is told twice', () => twice('CycleVoided'), 'void'],
    [
      'a refusal of another amount',
      () => changed('PaymentRefused', ({ amount }) => ({ amount: amount + 1n })),
      'amount',
    ],
    [
      'a refusal of another address',
      () => changed('PaymentRefused', () => ({ to: STRANGER })),
      'payee',
    ],
    [
      'a refusal that became no credit',
      () => changed('PaymentRefused', () => ({ credited: false })),
      'credited',
    ],
    [
      'a claim of another amount',
      () => changed('Claimed', ({ amount }) => ({ amount: amount - 1n })),
      'amount',
    ],
    ['a claim told twice', () => twice('Claimed'), 'paid-twice'],
    ['a claim for another address', () => changed('Claimed', () => ({ to: STRANGER })), 'payee'],
    ['a sweep to another address', () => changed('Swept', () => ({ to: STRANGER })), 'payee'],
    [
      'a withdrawal of one unit more',
      () => changed('Withdrawn', ({ amount }) => ({ amount: amount + 1n })),
      'withdrawn',
    ],
    ['a withdrawal told twice', () => twice('Withdrawn'), 'withdrawn'],
    [
      'a credit moved with one unit more',
      () => changed('CreditMoved', ({ amount }) => ({ amount: amount + 1n })),
      'credit-moved',
    ],
    [
      'money given back to a stranger',
      () => changed('ReturnedToSponsor', () => ({ sponsor: STRANGER })),
      'returned',
    ],
    [
      'money for a past cycle',
      () => changed('Funded', ({ cycle }) => ({ cycle: cycle + 1 })),
      'funding',
    ],
    ['money left out', () => without('Funded'), 'pool'],
    [
      'a push by a stranger',
      () => changed('SnapshotPushed', () => ({ reporter: STRANGER })),
      'rule',
    ],
    [
      'a push of an hour that is not over',
      () => changed('SnapshotPushed', ({ hour }) => ({ hour: hour + 1 })),
      'rule',
    ],
    [
      'a push of an old hour',
      () => changed('SnapshotPushed', ({ hour }) => ({ hour: hour - 6 }), 20),
      'rule',
    ],
    [
      'a roster that changes at once',
      () => changed('FundChanged', ({ fromCycle }) => ({ fromCycle: fromCycle - 1 })),
      'rule',
    ],
    [
      'parameters that count at once',
      () => changed('ParamsSet', ({ fromCycle }) => ({ fromCycle: fromCycle - 1 }), 1),
      'params',
    ],
    [
      'a record cleared without a decision',
      () => changed('RecordCleared', ({ cycle }) => ({ cycle: cycle + 1 })),
      'rule',
    ],
    [
      'a keeper that was revoked',
      () => changed('RoleGranted', () => ({ account: STRANGER }), 2),
      'stranger-early',
    ],
  ]

  for (const [what, forge, kind] of FORGERIES) {
    it(`${what} is found out`, () => {
      expect(firstIn(forge()).kind).to.equal(kind)
    })
  }

  it('no kind of event can be left out altogether and doubled without a difference', () => {
    // Doubled they say the same again; without the first ParamsSet nothing can be derived at all.
    const ONCE = new Set<EventName>(['ParamsSet', 'CapLowered'])
    // One of three reporters need not tip the scales, and a pause that is over forbids nothing.
    const silent = new Set<EventName>([
      'RecordFrozen',
      'PausedUntil',
      'RoleGranted',
      'RoleRevoked',
      'SnapshotPushed',
    ])
    const names = new Set(audit.events.map(({ name }) => name))
    for (const name of names) {
      if (silent.has(name) || ONCE.has(name)) continue
      const others = audit.events.filter((event) => event.name !== name)
      const kinds = [firstIn(others).kind, firstIn(twice(name)).kind]
      expect(
        kinds.some((kind) => kind !== 'none'),
        `${name}: ${kinds.join()}`,
      ).to.equal(true)
    }
  })
})
