import type { Address, Hex } from '../base/schema.ts'
import type { Cycle } from '../base/time.ts'
import { handle } from './chain-events.ts'
import type { ChainEvent, EventArgs, Place } from './chain-events.ts'

/** A value from a cycle on; of two with the same cycle the later one counts. */
interface Step<T> {
  from: Cycle
  value: T
}

interface Member {
  node: Address
  activeFrom: Cycle
  activeTo: Cycle
  funds: Step<Address>[]
  weights: Step<bigint>[]
}

interface Redirect {
  to: Address
  tx: Hex
}

const FOREVER = 2 ** 32 - 1

/** Who was in which cycle, with which fund address and weight, from the events of the roster alone. */
export class RosterHistory {
  readonly #members: Member[] = []
  /** Every index that a node ever had: one that came back has a new one. */
  readonly #indices = new Map<Address, number[]>()
  /** By fund address and index; the newest last. */
  readonly #redirects = new Map<string, Redirect[]>()

  /** A sentence when an event contradicts what came before; undefined when it fits. */
  apply(event: ChainEvent, openCycle: Cycle): string | undefined {
    return handle<string | undefined>(
      {
        ValidatorAdded: (args) => this.#add(args, openCycle),
        ValidatorRemoved: ({ index, activeTo }) =>
          this.#change(index, activeTo + 1, openCycle, (member) => {
            member.activeTo = activeTo
          }),
        FundChanged: ({ index, fund, fromCycle: from }) =>
          this.#change(index, from, openCycle, ({ funds }) => funds.push({ from, value: fund })),
        WeightChanged: ({ index, weight, fromCycle: from }) =>
          this.#change(index, from, openCycle, ({ weights }) =>
            weights.push({ from, value: weight }),
          ),
        FundRedirected: (args, at) => this.#redirect(args, at),
      },
      event,
    )
  }

  get size(): number {
    return this.#members.length
  }

  /** A change is in force from the next cycle on, never from the open one. */
  isActive(cycle: Cycle, index: number): boolean {
    const member = this.#members[index]
    return member !== undefined && member.activeFrom <= cycle && cycle <= member.activeTo
  }

  /** The bit of a node in a cycle; undefined: it had none. */
  indexOf(cycle: Cycle, node: Address): number | undefined {
    return this.#indices.get(node)?.find((index) => this.isActive(cycle, index))
  }

  fundOf(cycle: Cycle, index: number): Address | undefined {
    return inForce(this.#members[index]?.funds, cycle)
  }

  weightOf(cycle: Cycle, index: number): bigint {
    return inForce(this.#members[index]?.weights, cycle) ?? 0n
  }

  /**
   * Whom a payment of that transaction may go to: the payee as it was before the transaction, then
   * each redirect within it, because a payee that is called may redirect while the batch goes on.
   */
  payeesOf(cycle: Cycle, index: number, tx: Hex): Address[] {
    const fund = this.fundOf(cycle, index)
    if (fund === undefined) return []
    const redirects = this.#redirects.get(keyOf(fund, index)) ?? []
    const before = redirects.filter((redirect) => redirect.tx !== tx).at(-1)?.to ?? fund
    return [before, ...redirects.filter((redirect) => redirect.tx === tx).map(({ to }) => to)]
  }

  #add(
    { index, node, fund, weight, activeFrom }: EventArgs['ValidatorAdded'],
    openCycle: Cycle,
  ): string | undefined {
    if (index !== this.#members.length) return `validator ${index} is added out of turn`
    this.#members.push({
      node,
      activeFrom,
      activeTo: FOREVER,
      funds: [{ from: activeFrom, value: fund }],
      weights: [{ from: activeFrom, value: weight }],
    })
    this.#indices.set(node, [...(this.#indices.get(node) ?? []), index])
    return tooEarly(index, activeFrom, openCycle)
  }

  #change(
    index: number,
    from: Cycle,
    openCycle: Cycle,
    change: (member: Member) => void,
  ): string | undefined {
    const member = this.#members[index]
    if (!member) return `validator ${index} is changed and was never added`
    change(member)
    return tooEarly(index, from, openCycle)
  }

  #redirect({ fund, to, indices }: EventArgs['FundRedirected'], { tx }: Place): undefined {
    for (const index of indices) {
      const key = keyOf(fund, index)
      this.#redirects.set(key, [...(this.#redirects.get(key) ?? []), { to, tx }])
    }
  }
}

function tooEarly(index: number, from: Cycle, openCycle: Cycle): string | undefined {
  if (from === openCycle + 1) return undefined
  return `the change of validator ${index} counts from cycle ${from} on while cycle ${openCycle} is open`
}

function inForce<T>(steps: readonly Step<T>[] | undefined, cycle: Cycle): T | undefined {
  return steps?.findLast(({ from }) => from <= cycle)?.value
}

function keyOf(fund: Address, index: number): string {
  return `${fund.toLowerCase()}/${index}`
}
