import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { expect } from 'chai'
import { hoursOf } from '../../../keeper/base/time.ts'
import { onlineIn, readBeats } from '../../../keeper/heartbeat/beats.ts'
import { toWords } from '../../../keeper/heartbeat/words.ts'
import { decideCycle } from '../../../keeper/validators/twin.ts'

const DATA = new URL('../../../data/validators_beats_a.csv.gz', import.meta.url)
// 22 November 2024, 18:00 UTC: the six whole cycles of the file begin here.
const FIRST_HOUR = 481_194
const ELIGIBLE = [859, 860, 859, 854, 806, 808]
const HOUR_SUMS = [20_312, 20_316, 20_338, 20_096, 19_165, 19_151]

/** Slow on purpose, and nothing of the product in it: text, maps, fractions. */
function countSlowly(): { sums: number[]; eligible: number[]; total: number } {
  const lines = gunzipSync(readFileSync(DATA)).toString('utf8').trim().split('\n').slice(1)
  const hours = new Map<string, number>()
  let total = 0
  for (const line of lines) {
    const [validator, hour, expected, seen] = line.split(',')
    const isUp = Number(expected) !== 0 && Number(seen) / Number(expected) >= 47 / 80
    if (!isUp) continue
    total += 1
    const cycle = Math.floor((Number(hour) - FIRST_HOUR) / 24)
    const key = `${cycle} ${validator}`
    hours.set(key, (hours.get(key) ?? 0) + 1)
  }
  const of = (cycle: number): number[] =>
    [...hours].filter(([key]) => key.startsWith(`${cycle} `)).map(([, count]) => count)
  const cycles = [0, 1, 2, 3, 4, 5].map(of)
  return {
    total,
    sums: cycles.map((counts) => counts.reduce((sum, count) => sum + count, 0)),
    eligible: cycles.map((counts) => counts.filter((count) => count / 24 >= 0.8).length),
  }
}

describe('the real beats of 900 validators', function () {
  this.timeout(30_000)

  it('give 859, 860, 859, 854, 806, 808 eligible and the known hour sums, also by a slow count (Z-05, Z-41)', async () => {
    const beats = await readBeats(DATA.pathname)
    const nodes = [...beats.nodes]
    expect([beats.rows, nodes.length]).to.deep.equal([151_200, 900])
    const index = new Map(nodes.map((node, i) => [node, i]))
    const masks = toWords(nodes.keys(), 4)
    const decisions = [1, 2, 3, 4, 5, 6].map((cycle) =>
      decideCycle({
        hours: hoursOf(FIRST_HOUR, cycle).map((hour) => {
          const online = onlineIn(beats.of(hour) ?? []).map((node) => index.get(node) ?? 0)
          return [toWords(online, 4)]
        }),
        reporters: 1,
        masks,
        rateBps: 8e3,
        minSnapshots: 20,
        weighted: false,
        payAll: false,
        weightOf: () => 1n,
      }),
    )
    const sums = decisions.map(({ appearances }) => appearances.reduce((a, b) => a + b, 0))
    expect(decisions.map(({ eligible }) => eligible)).to.deep.equal(ELIGIBLE)
    expect(sums).to.deep.equal(HOUR_SUMS)
    const sharpest = decisions[3]?.appearances ?? []
    expect(sharpest.filter((hours) => hours === 20)).to.have.length(45)
    expect(sharpest.filter((hours) => hours === 19)).to.have.length(2)
    const slow = countSlowly()
    expect(slow.eligible).to.deep.equal(ELIGIBLE)
    expect(slow.sums).to.deep.equal(HOUR_SUMS)
    expect(slow.total).to.equal(139_205)
  })
})
