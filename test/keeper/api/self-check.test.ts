import { expect } from 'chai'
import { openAlerts } from '../../../keeper/base/alerts.ts'
import type { Alerts } from '../../../keeper/base/alerts.ts'
import { DOWN_AFTER_MS, openSelfCheck } from '../../../keeper/api/self-check.ts'
import type { SelfCheck } from '../../../keeper/api/self-check.ts'
import type { EndpointStatus } from '../../../keeper/chain/rpc/endpoint.ts'
import type { Keeper } from '../../../keeper/keeper.ts'
import { testClock } from '../../helpers/clock.ts'

const NO_CAP = 2n ** 128n - 1n

/** As much of a keeper as is looked at. */
interface Stage {
  endpoints: EndpointStatus[]
  asked: number
  pool: bigint
  cap: bigint
  spent: bigint[]
  poolReads: number
}

function keeperOn(stage: Stage): Keeper {
  const rewards = {
    books: async () => {
      stage.poolReads += 1
      return { pool: stage.pool }
    },
    nextCycle: async () => BigInt(stage.spent.length + 1),
    paramsAt: async () => ({ cap: stage.cap }),
    cycle: async (n: number) => ({ allocated: stage.spent[n - 1] }),
  }
  const client = {
    quorum: 1,
    endpoints: () => stage.endpoints,
    blockNumber: async () => {
      stage.asked += 1
      return 1
    },
  }
  const contracts = { rewards, deployment: { symbol: 'ETH' } }
  return { client, contracts, roles: ['reporter', 'keeper'] } as unknown as Keeper
}

describe('the keeper’s own look around', () => {
  let stage: Stage
  let alerts: Alerts
  let check: SelfCheck
  let clock: ReturnType<typeof testClock>
  let deadLettersTotal: number
  const kinds = (): string[] => alerts.active().map(({ kind, key }) => `${kind} ${key}`.trim())

  beforeEach(() => {
    clock = testClock(1_000)
    alerts = openAlerts({ clock, sinks: [] })
    deadLettersTotal = 0
    check = openSelfCheck(alerts, clock, async () => ({ deadLettersTotal }))
    const up: EndpointStatus = { url: 'http://a', state: 'closed', failures: 0 }
    const endpoints = [up, { ...up, url: 'http://b' }]
    stage = { endpoints, asked: 0, pool: 100n, cap: NO_CAP, spent: [], poolReads: 0 }
  })

  it('tells of an endpoint that is left out for a minute, and of its return', async () => {
    const keeper = keeperOn(stage)
    stage.endpoints[1] = { url: 'http://b', state: 'open', failures: 3, lastError: '502' }
    await check.look(keeper)
    expect(kinds()).to.deep.equal([])
    clock.advance(DOWN_AFTER_MS / 1_000)
    // On trial is not back.
    stage.endpoints[1] = { url: 'http://b', state: 'half-open', failures: 3, lastError: '502' }
    await check.look(keeper)
    expect(kinds()).to.deep.equal(['endpoint-down http://b'])
    expect(alerts.active()[0]?.facts).to.include({ failures: 3, lastError: '502', quorum: 1 })
    stage.endpoints[1] = { url: 'http://b', state: 'closed', failures: 0 }
    await check.look(keeper)
    expect(kinds()).to.deep.equal([])
  })

  it('asks the endpoints something while one is left out, for between two slots nobody else does', async () => {
    const keeper = keeperOn(stage)
    await check.look(keeper)
    expect(stage.asked).to.equal(0)
    stage.endpoints[0] = { url: 'http://a', state: 'open', failures: 3 }
    await check.look(keeper)
    expect(stage.asked).to.equal(1)
  })

  it('tells when the pool holds less than a cycle takes: by the cap, else by what the last ones took', async () => {
    const keeper = keeperOn(stage)
    const tenMinutesLater = async (): Promise<void> => {
      clock.advance(600)
      await check.look(keeper)
    }
    await tenMinutesLater()
    expect(kinds(), 'nothing was spent yet').to.deep.equal([])
    stage.spent = [0n, 90n, 120n]
    await tenMinutesLater()
    expect(kinds(), '100 is below the mean of 105').to.deep.equal(['low-pool'])
    stage.cap = 50n
    await tenMinutesLater()
    expect(kinds(), 'the cap lets 50 a cycle go').to.deep.equal([])
    stage.pool = 49n
    await tenMinutesLater()
    expect(kinds()).to.deep.equal(['low-pool'])
  })

  it('tells of jobs that failed for good, once a minute, until they are taken up', async () => {
    const keeper = keeperOn(stage)
    deadLettersTotal = 2
    await check.look(keeper)
    expect(alerts.active()[0]).to.deep.include({ kind: 'job-dead', severity: 'critical' })
    expect(alerts.active()[0]?.facts).to.include({ deadLetters: 2 })
    deadLettersTotal = 0
    await check.look(keeper)
    expect(kinds(), 'not asked again yet').to.deep.equal(['job-dead'])
    clock.advance(60)
    await check.look(keeper)
    expect(kinds()).to.deep.equal([])
  })

  it('reads the pool every ten minutes, not every few seconds', async () => {
    const keeper = keeperOn(stage)
    for (let i = 0; i < 30; i += 1) {
      await check.look(keeper)
      clock.advance(3)
    }
    expect(stage.poolReads).to.equal(1)
  })

  it('of a monitor leaves the pool to who settles', async () => {
    await check.look({ ...keeperOn({ ...stage, pool: 0n }), roles: ['reporter'] })
    expect([stage.poolReads, kinds()]).to.deep.equal([0, []])
  })
})
