// The numbers to reach, each with the figure of its best anchor in mind; gas, osaka, real receipts.
export const GOALS = {
  'push a snapshot, 256 validators': 43_000,
  'push a snapshot, 1,000 validators': 60_000,
  'push a snapshot, 10,000 validators': 280_000,
  'extract a validator, equal, 1,000': 480,
  'extract a validator, equal, 10,000': 370,
  'extract a validator, weighted, 1,000': 620,
  'extract a validator, weighted, 10,000': 500,
  'evidence and extract of a day, a validator, 10,000': 1_050,
  'transfer a payee, ERC-20, equal': 8_550,
  'transfer a payee, ERC-20, weighted': 8_700,
  'transfer a payee, native, equal': 9_600,
  'transfer a payee, native, weighted': 9_750,
  'transfer a fresh payee, ERC-20, equal': 25_650,
  'transfer a fresh payee, native, equal': 34_600,
  'fixed overhead of a transfer, ERC-20, equal': 60_000,
  'fixed overhead of a transfer, ERC-20, weighted': 60_000,
  'fixed overhead of a transfer, native, equal': 52_000,
  'fixed overhead of a transfer, native, weighted': 52_000,
  'a further roster word, ERC-20, equal': 12_000,
  'a further roster word, ERC-20, weighted': 12_000,
  'a further roster word, native, equal': 12_000,
  'a further roster word, native, weighted': 12_000,
  'one reverting payee in 100, extra': 60_000,
  'one gas-burning payee in 100, extra': 60_000,
  'one return-bombing payee in 100, extra': 60_000,
  'one blocklisted payee in 100, extra': 60_000,
} as const satisfies Record<string, number>

export type Metric = keyof typeof GOALS
export type Figures = Partial<Record<Metric, number>>
