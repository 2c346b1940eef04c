import { KeeperError, isKeeperError } from '../base/errors.ts'
import type { Address, Hex } from '../base/schema.ts'
import type { Hour } from '../base/time.ts'
import type { Findings } from './divergence.ts'
import { figuresOf, judge } from './judge-receipt.ts'
import type { Court, Outcome } from './judge-receipt.ts'
import { readClaim } from './receipt-claim.ts'
import type { Claim } from './receipt-claim.ts'

/** A receipt as somebody showed it. */
export interface Shown {
  /** Where it comes from, as people find it: a file. */
  from: string
  value: unknown
}

export interface JudgedReceipt {
  from: string
  outcome: Outcome
  reason: string
  /** Absent when it is none. */
  claim?: Claim
}

/** For which chain and registry receipts are looked at. */
export interface Home {
  chainId: number
  registry: Address
}

/** Without a chain: whether each proves itself. */
export function judgeAlone(shown: readonly Shown[]): JudgedReceipt[] {
  return shown.map(({ from, value }) => {
    try {
      return { from, outcome: 'proven', reason: '', claim: readClaim(value) }
    } catch (error) {
      return { from, outcome: 'invalid', reason: reasonOf(error) }
    }
  })
}

/** Anything else than a receipt that proves nothing is a fault of ours. */
function reasonOf(error: unknown): string {
  if (!isKeeperError(error, 'RECEIPT_INVALID')) throw error
  return String(error.facts['reason'])
}

/** Holds receipts against the chain and against each other; every contradiction is a finding. */
export class ReceiptAudit {
  readonly judged: JudgedReceipt[] = []
  readonly #home: Home
  readonly #court: Court
  readonly #findings: Findings
  /** By reporter and hour: the root that was signed, and who showed it first. */
  readonly #roots = new Map<string, { root: Hex; from: string }>()
  /** By root and node: what the root says of it. */
  readonly #leaves = new Map<string, { figures: string; from: string }>()

  constructor(home: Home, court: Court, findings: Findings) {
    this.#home = home
    this.#court = court
    this.#findings = findings
  }

  /** A root signed by that reporter, of a receipt or of the tally: a second one of an hour is a lie. */
  addRoot(reporter: Address, hour: Hour, root: Hex, from: string): boolean {
    const key = `${reporter}/${hour}`
    const known = this.#roots.get(key)
    if (!known) this.#roots.set(key, { root, from })
    if (!known || known.root === root) return true
    this.#findings.add({
      layer: 'receipts',
      kind: 'two-roots',
      cycle: this.#court.evidence.cycleOf(hour),
      what: `${reporter} signed hour ${hour} more than once (${known.from}; ${from})`,
      expected: `one root, ${known.root}`,
      found: `another, ${root}`,
    })
    return false
  }

  add({ from, value }: Shown): void {
    try {
      const claim = readClaim(value)
      this.#checkHome(claim)
      this.#judge(from, claim)
    } catch (error) {
      const reason = reasonOf(error)
      this.judged.push({ from, outcome: 'invalid', reason })
      this.#findings.add({
        layer: 'receipts',
        kind: 'invalid-receipt',
        what: `what ${from} shows`,
        expected: 'a receipt that proves itself, of this chain and registry',
        found: `one that does not: ${reason}`,
      })
    }
  }

  #judge(from: string, claim: Claim): void {
    const { reporter, hour, root } = claim
    const isOne = this.addRoot(reporter, hour, root, from)
    const isSame = this.#addLeaf(claim, from)
    const { outcome, reason, divergence } = judge(claim, this.#court)
    if (divergence) {
      this.#findings.add({ ...divergence, what: `${divergence.what} in ${from}` })
    }
    const isTwice = !isOne || !isSame
    const twice = 'its reporter signed something else of that hour, too'
    this.judged.push({
      from,
      claim,
      outcome: isTwice ? 'contradicted' : outcome,
      reason: isTwice && !divergence ? twice : reason,
    })
  }

  /** A tree may be made with two leaves of one validator. */
  #addLeaf(claim: Claim, from: string): boolean {
    const { root, node, hour, reporter } = claim
    const figures = figuresOf(claim)
    const known = this.#leaves.get(`${root}/${node}`)
    if (!known) this.#leaves.set(`${root}/${node}`, { figures, from })
    if (!known || known.figures === figures) return true
    this.#findings.add({
      layer: 'receipts',
      kind: 'two-leaves',
      cycle: this.#court.evidence.cycleOf(hour),
      what: `${reporter} signed hour ${hour} of ${node} twice under one root (${known.from}; ${from})`,
      expected: known.figures,
      found: figures,
    })
    return false
  }

  #checkHome({ chainId, registry }: Claim): void {
    const home = this.#home
    if (chainId === home.chainId && registry === home.registry) return
    const reason = `it is for chain ${chainId} and registry ${registry}`
    throw new KeeperError('RECEIPT_INVALID', { reason })
  }
}
