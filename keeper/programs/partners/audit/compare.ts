import type { CheckRoom } from '../../../payouts/program-check.ts'

export type Fields = Record<string, unknown>

/** What a period's row says and what it should say, field by field; lists and objects by their paths. */
export function comparePeriod(
  { differ }: Pick<CheckRoom, 'differ'>,
  period: string,
  found: Fields,
  expected: Fields,
): void {
  const [has, should] = [new Map(flat(found)), new Map(flat(expected))]
  for (const field of new Set([...should.keys(), ...has.keys()])) {
    if (has.get(field) === should.get(field)) continue
    const facts = { found: has.get(field) ?? 'nothing', expected: should.get(field) ?? 'nothing' }
    differ('PARTNERS_PERIOD_DIFFERS', { period, field, ...facts })
  }
}

/** JSON has amounts as text and counts as numbers: both become text. */
function flat(value: unknown, path = ''): [string, string][] {
  if (value === null || typeof value !== 'object') return [[path, String(value)]]
  return Object.entries(value).flatMap(([key, each]) =>
    flat(each, path === '' ? key : `${path}.${key}`),
  )
}
