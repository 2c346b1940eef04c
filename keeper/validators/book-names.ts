/** Accounts of the books for one rewards contract: a store may outlive it. */
export function rewardsAccounts(contract: string) {
  const own = contract.toLowerCase()
  return {
    funding: `funding:validators:${own}`,
    pool: `pool:validators:${own}`,
    /** Allocated and not paid; one account a cycle, for the shares are on the chain. */
    owed: (cycle: number | bigint): string => `owed:validators:${own}:${cycle}`,
    paid: `paid:validators:${own}`,
    credit: (address: string): string => `credit:validators:${own}:${address.toLowerCase()}`,
  }
}

/** What kind of movement, of the validators alone. */
export const REWARD_CODES = {
  Funded: 'validators.fund',
  Skimmed: 'validators.fund',
  ReturnedToSponsor: 'validators.return',
  Extracted: 'validators.extract',
  CycleVoided: 'validators.void',
  Paid: 'validators.pay',
  Claimed: 'validators.claim',
  PaymentRefused: 'validators.credit',
  Swept: 'validators.sweep',
  Withdrawn: 'validators.withdraw',
  CreditMoved: 'validators.move',
} as const

export type RewardEvent = keyof typeof REWARD_CODES
