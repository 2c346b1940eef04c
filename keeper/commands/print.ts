import { formatAmount } from '../base/amount.ts'
import type { Wei } from '../base/amount.ts'
import { isoTime, startOfHour } from '../base/time.ts'

/** Columns as wide as their widest cell; numbers to the right. */
export function table(head: string[], rows: string[][]): string[] {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  )
  const isNumeric = head.map(
    (_, column) => rows.length > 0 && rows.every((row) => /^[\d.,]*$/.test(row[column] ?? '')),
  )
  const line = (cells: string[]): string =>
    cells
      .map((cell, column) => {
        const width = widths[column] ?? 0
        return isNumeric[column] ? cell.padStart(width) : cell.padEnd(width)
      })
      .join('  ')
      .trimEnd()
  return [line(head), ...rows.map(line)].map((text) => `  ${text}`)
}

export interface Asset {
  decimals: number
  symbol: string
}

/** Fees are paid in the chain's own coin, whatever the payees get. */
export const COIN: Asset = { decimals: 18, symbol: 'ETH' }
export const GWEI: Asset = { decimals: 9, symbol: 'gwei' }

/** '1.5 ETH'. For showing only. */
export function money(amount: Wei, asset: Asset): string {
  return `${formatAmount(amount, asset.decimals)} ${asset.symbol}`
}

/** 1234567 → '1,234,567'. */
export function grouped(value: number | bigint): string {
  return value.toString().replace(/\B(?=(\d{3})+$)/g, ',')
}

export function plural(count: number | bigint, one: string, many = `${one}s`): string {
  return `${grouped(count)} ${Number(count) === 1 ? one : many}`
}

/** '2024-11-26 18:00 UTC' for 2024-11-26T18:00:00Z. */
export function shownTime(unix: number): string {
  return isoTime(unix)
    .replace('T', ' ')
    .replace(/:\d\dZ$/, ' UTC')
}

/** Runs of hours by their first and last start: '2024-11-26 03:00 … 2024-11-26 05:00 UTC (3)'. */
export function shownHours(hours: readonly number[]): string {
  const runs: [number, number][] = []
  for (const hour of hours) {
    const last = runs.at(-1)
    if (last !== undefined && last[1] === hour - 1) last[1] = hour
    else runs.push([hour, hour])
  }
  const at = (hour: number): string => shownTime(startOfHour(hour))
  return runs
    .map(([from, to]) =>
      from === to ? at(from) : `${at(from).replace(' UTC', '')} … ${at(to)} (${to - from + 1})`,
    )
    .join(', ')
}

export function shortHash(hash: string): string {
  return `${hash.slice(0, 10)}…${hash.slice(-6)}`
}
