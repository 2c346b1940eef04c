// The numbers to reach, in gas by real receipts on osaka: as issues 2 and 5 have them, the fresh payees and the whole
// day from the same source. A figure without a goal is measured to be known and kept.
export const GOALS = {
  'push a snapshot, 256 validators': 43_000,
  'push a snapshot, 1,000 validators': 60_000,
  'push a snapshot, 10,000 validators': 280_000,
  'extract, a validator of 1,000, equal': 480,
  'extract, a validator of 10,000, equal': 370,
  'extract, a validator of 1,000, weighted': 620,
  'extract, a validator of 10,000, weighted': 500,
  'the day of a validator of 10,000: 24 pushes and extract': 1_050,
  'transfer, a payee, ERC-20, equal': 8_550,
  'transfer, a payee, ERC-20, weighted': 8_700,
  'transfer, a payee, native, equal': 9_600,
  'transfer, a payee, native, weighted': 9_750,
  'transfer, a fresh payee, ERC-20': 25_650,
  'transfer, a fresh payee, native': 34_600,
  'transfer, beside the payees, ERC-20, equal': 60_000,
  'transfer, beside the payees, ERC-20, weighted': undefined,
  'transfer, beside the payees, native, equal': 52_000,
  'transfer, beside the payees, native, weighted': undefined,
  'transfer, a further roster word, ERC-20, equal': 12_000,
  'transfer, a further roster word, ERC-20, weighted': 12_000,
  'transfer, a further roster word, native, equal': 12_000,
  'transfer, a further roster word, native, weighted': 12_000,
  'one reverting payee in 100, extra': 60_000,
  'one gas-burning payee in 100, extra': 60_000,
  'one return-bombing payee in 100, extra': 60_000,
  'one blocklisted payee in 100, extra': 60_000,
  'pay, a payee, ERC-20': 8_820,
  'pay, a payee, native': 9_900,
  'pay, a fresh payee, ERC-20': undefined,
  'pay, a fresh payee, native': undefined,
  'pay, beside the payees, ERC-20': undefined,
  'pay, beside the payees, native': undefined,
  'pay, one reverting payee in 100, extra': 60_000,
  'pay, one gas-burning payee in 100, extra': 60_000,
  'pay, the largest batch: 1,500 payees, native': 15_000_000,
  'claim, first, 1,024 leaves': 71_000,
  'claim, next, 1,024 leaves': 54_000,
  'claim, a leaf of a range of 128, next': 16_500,
  'claim, the largest range: 256 new leaves to new accounts, native': 15_000_000,
} as const satisfies Record<string, number | undefined>

export type Metric = keyof typeof GOALS
export type Figures = Record<Metric, number>

export const METRICS = Object.keys(GOALS) as Metric[]

/** Whether the figure is within its goal; true where there is none. */
export function isMet(metric: Metric, measured: number): boolean {
  const goal: number | undefined = GOALS[metric]
  return goal === undefined || measured <= goal
}
