/** A payout whose payee may be paid at that address. */
export interface Payable {
  key: string
  payee: string
  /** Lower case. */
  address: string
  amount: bigint
}

export interface Room {
  payments: number
  /** What the program has, and what its budget lets out. */
  money: bigint
}

export interface Picked {
  payments: Payable[]
  amount: bigint
  /** The next one is for more than is there: nobody overtakes it. */
  isShort: boolean
}

/** The first that fit, in the order in which they became owed. */
export function pickPayments(waiting: readonly Payable[], room: Room): Picked {
  const payments: Payable[] = []
  let amount = 0n
  for (const payable of waiting) {
    if (payments.length >= room.payments) break
    if (amount + payable.amount > room.money) return { payments, amount, isShort: true }
    payments.push(payable)
    amount += payable.amount
  }
  return { payments, amount, isShort: false }
}

const AMOUNT_BITS = 96n

/** A word a payment: the address in the upper 160 bits, the amount in the lower 96. */
export function packPayments(payments: readonly Pick<Payable, 'address' | 'amount'>[]): bigint[] {
  return payments.map(({ address, amount }) => (BigInt(address) << AMOUNT_BITS) | amount)
}

export type Outcome = 'paid' | 'refused' | 'untouched'

/** Payments from `done` on were not made; of those before, the refused ones are named. */
export function outcomesOf(
  payments: number,
  done: number,
  refused: ReadonlySet<number>,
): Outcome[] {
  return Array.from({ length: payments }, (_, position) => {
    if (position >= done) return 'untouched'
    return refused.has(position) ? 'refused' : 'paid'
  })
}
