import { expect } from 'chai'
import { MAX_BUMPS, nextStep } from '../../../../keeper/chain/sending/send-state.ts'
import type {
  AttemptFacts,
  NextStep,
  SendFacts,
} from '../../../../keeper/chain/sending/send-state.ts'

const NOW = 1_000_000
const patience = { bumpAfterMs: 60_000, rebroadcastAfterMs: 120_000, lostAfterMs: 30_000 }

const signed: AttemptFacts = {
  purpose: 'send',
  signedAtMs: NOW - 1_000,
  broadcastAtMs: undefined,
  isUnderpriced: false,
}
const sent: AttemptFacts = { ...signed, broadcastAtMs: NOW - 1_000 }
const stuck: AttemptFacts = { ...sent, signedAtMs: NOW - 60_000, broadcastAtMs: NOW - 60_000 }
const receipt = { blockNumber: 10, blockHash: '0xaa', succeeded: true }

function stepOf(facts: Partial<SendFacts>): NextStep {
  const all: SendFacts = {
    nonce: 5,
    minedNonce: 5,
    attempts: [],
    receipt: undefined,
    recorded: undefined,
    finalBlock: -1,
    lostSinceMs: undefined,
    isBumpAffordable: true,
    finalNonce: undefined,
    order: undefined,
    isLastNonce: true,
    ...facts,
  }
  return nextStep(all, NOW, patience)
}

describe('the next step of a transaction', () => {
  it('S-02 an intent without an attempt is signed', () => {
    expect(stepOf({})).to.equal('sign')
  })

  it('S-03 a signed attempt that was never broadcast is broadcast, however old', () => {
    expect(stepOf({ attempts: [signed] })).to.equal('broadcast')
    expect(stepOf({ attempts: [{ ...signed, signedAtMs: 0 }] })).to.equal('broadcast')
  })

  it('S-07 a bump that was saved but not sent is sent, not a third one', () => {
    expect(stepOf({ attempts: [stuck, { ...signed, signedAtMs: 0 }] })).to.equal('broadcast')
  })

  it('a fresh broadcast waits', () => {
    expect(stepOf({ attempts: [sent] })).to.equal('wait')
  })

  it('S-18 one that is stuck is bumped from 60 s on, not a moment earlier', () => {
    expect(stepOf({ attempts: [stuck] })).to.equal('bump')
    expect(stepOf({ attempts: [{ ...stuck, signedAtMs: NOW - 59_999 }] })).to.equal('wait')
  })

  it('S-17 a stuck one is held while the market is above the ceiling', () => {
    expect(stepOf({ attempts: [stuck], isBumpAffordable: false })).to.equal('hold')
  })

  it(`after ${MAX_BUMPS} bumps it is held`, () => {
    const attempts = Array.from({ length: MAX_BUMPS }, () => stuck)
    expect(stepOf({ attempts })).to.equal('bump')
    expect(stepOf({ attempts: [...attempts, stuck] })).to.equal('hold')
  })

  it('S-16 one that a node refused for its price is bumped at once, or held', () => {
    const refused = { ...signed, isUnderpriced: true }
    expect(stepOf({ attempts: [refused] })).to.equal('bump')
    expect(stepOf({ attempts: [refused], isBumpAffordable: false })).to.equal('hold')
  })

  it('S-19 one that may have been dropped is broadcast again', () => {
    const old = { ...stuck, broadcastAtMs: NOW - 120_000 }
    expect(stepOf({ attempts: [old], isBumpAffordable: false })).to.equal('broadcast')
  })

  it('S-05 a receipt is recorded first, whatever else is true', () => {
    expect(stepOf({ attempts: [signed], minedNonce: 6, receipt })).to.equal('record')
    expect(stepOf({ attempts: [stuck], receipt, lostSinceMs: 0 })).to.equal('record')
  })

  it('Z-48 a recorded receipt waits for its depth and is final then', () => {
    const recorded = { blockHash: '0xaa' }
    expect(stepOf({ attempts: [sent], minedNonce: 6, receipt, recorded, finalBlock: 9 })).to.equal(
      'wait',
    )
    expect(stepOf({ attempts: [sent], minedNonce: 6, receipt, recorded, finalBlock: 10 })).to.equal(
      'final',
    )
  })

  it('S-28 the same transaction in another block is recorded anew, also when that is final', () => {
    const recorded = { blockHash: '0xbb' }
    const facts = { attempts: [sent], minedNonce: 6, receipt, recorded, finalBlock: 10 }
    expect(stepOf(facts)).to.equal('record')
  })

  it('S-27 a receipt that vanished with its block goes back to broadcast', () => {
    expect(stepOf({ attempts: [sent], recorded: { blockHash: '0xaa' } })).to.equal('rewind')
  })

  it('S-15 S-33 a used nonce without a receipt waits for patience and for depth, then is lost', () => {
    const lost = { attempts: [sent], minedNonce: 6, lostSinceMs: NOW - 29_999, finalNonce: 6 }
    expect(stepOf(lost)).to.equal('wait')
    const late = { ...lost, lostSinceMs: NOW - 30_000 }
    expect(stepOf({ ...late, finalNonce: 5 })).to.equal('wait')
    expect(stepOf({ ...late, finalNonce: undefined })).to.equal('wait')
    expect(stepOf(late)).to.equal('lost')
  })

  it('S-22 a reserved nonce that somebody else used is lost the same way, and never signed', () => {
    const foreign = { attempts: [], minedNonce: 6, finalNonce: 6 }
    expect(stepOf({ ...foreign, lostSinceMs: NOW })).to.equal('wait')
    expect(stepOf({ ...foreign, lostSinceMs: NOW - 30_000 })).to.equal('lost')
  })

  it('S-08 a cancellation that was ordered is signed, broadcast, and bumped like any attempt', () => {
    expect(stepOf({ attempts: [sent], order: 'cancel' })).to.equal('cancel')
    expect(stepOf({ attempts: [sent], order: 'cancel', isBumpAffordable: false })).to.equal('hold')
    const cancel: AttemptFacts = { ...signed, purpose: 'cancel' }
    expect(stepOf({ attempts: [sent, cancel], order: 'cancel' })).to.equal('broadcast')
    expect(stepOf({ attempts: [sent, { ...stuck, purpose: 'cancel' }] })).to.equal('bump')
    expect(stepOf({ attempts: [sent, cancel], receipt, recorded: undefined })).to.equal('record')
  })

  it('S-08 an unsigned intent gives its nonce back only if that leaves no gap', () => {
    expect(stepOf({ order: 'cancel' })).to.equal('release')
    expect(stepOf({ order: 'cancel', isLastNonce: false })).to.equal('cancel')
  })

  it('S-18 a bump that was ordered is made at once, after what was saved has gone out', () => {
    expect(stepOf({ attempts: [sent], order: 'bump' })).to.equal('bump')
    expect(stepOf({ attempts: [signed], order: 'bump' })).to.equal('broadcast')
  })

  it('no facts ever lead to a second signature while an attempt may be in a pool', () => {
    for (const minedNonce of [5, 6, 9]) {
      for (const attempts of [[signed], [sent], [stuck], [stuck, signed]]) {
        for (const found of [receipt, undefined]) {
          expect(stepOf({ minedNonce, attempts, receipt: found })).not.to.equal('sign')
        }
      }
    }
  })
})
