import { expect } from 'chai'
import { sum } from '../../../keeper/base/amount.ts'
import type { Address } from '../../../keeper/base/schema.ts'
import { openContractsAt } from '../../../keeper/chain/contracts.ts'
import { readReporterView } from '../../../keeper/validators/reporter-view.ts'
import type { ChainRoom } from '../../../keeper/validators/room.ts'
import { readStatus } from '../../../keeper/validators/status.ts'
import { readValidator } from '../../../keeper/validators/validator-view.ts'
import type { ValidatorCycle, ValidatorLine } from '../../../keeper/validators/validator-view.ts'
import { loadFixture } from '../../helpers/contracts.ts'
import { LAST_CYCLE, liveLife } from '../../helpers/life.ts'
import { auditSystem, contractChain } from '../../helpers/verifying.ts'

const coin = async () => liveLife(false)
const token = async () => liveLife(true)

describe("the validators' records of a life in which every rule was at its limit", function () {
  this.timeout(120_000)

  for (const [asset, life] of [
    ['coin', coin],
    ['a token', token],
  ] as const) {
    it(`in ${asset}, add up to the books and agree with what was derived from events alone`, async () => {
      const { system } = await loadFixture(life)
      const client = await contractChain()
      const rewards = (await system.rewards.getAddress()) as Address
      const contracts = await openContractsAt(client, { rewards, fromBlock: 0 })
      const room: ChainRoom = { client, contracts }
      const count = Number(await contracts.registry.validatorCount())
      const lines: ValidatorLine[] = []
      for (let index = 0; index < count; index += 1) {
        const { validators } = await readValidator(room, String(index), { decided: LAST_CYCLE })
        lines.push(...validators)
      }

      const { books } = await readStatus(room)
      const total = (name: 'paid' | 'unpaid' | 'credited'): bigint =>
        sum(lines.map(({ money }) => money[name]))
      expect(total('paid')).to.equal(books.paid)
      expect(total('unpaid')).to.equal(books.unpaid)
      expect(total('credited')).to.equal(books.credits + books.withdrawn)
      const audit = await auditSystem(system)
      const decided = lines.flatMap(({ index, cycles }) =>
        cycles.filter(({ pay }) => pay !== null).map((cycle) => ({ index, cycle })),
      )
      expect(decided).to.have.length(count * LAST_CYCLE)
      for (const { index, cycle } of decided) {
        const derived = audit.state.cycles.get(cycle.cycle)
        expect([cycle.state, cycle.snapshots], `cycle ${cycle.cycle}`).to.deep.equal([
          derived?.state,
          cycle.pay?.snapshots,
        ])
        if (cycle.state === 'settled') expectFair(cycle, index)
      }
      for (const { cycle, snapshots } of lines[0]?.cycles ?? []) {
        const { cycles } = await readReporterView(room, cycle)
        expect(cycles[0]?.counted, `cycle ${cycle}`).to.equal(snapshots)
      }
    })
  }
})

/** Who has earned was in; who was in has earned, unless its weight or the pool is nothing. */
function expectFair({ cycle, standing, pay, payAll, appearances }: ValidatorCycle, index: number) {
  const what = `validator ${index} in cycle ${cycle}: ${appearances} hours, ${standing}`
  if ((pay?.earned ?? 0n) > 0n && !payAll) expect(standing, what).to.equal('in')
  expect(standing, what).not.to.equal('possible')
}
