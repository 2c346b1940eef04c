import { expect } from 'chai'
import { METRICS, createMetrics, unset } from '../../../keeper/base/metrics.ts'

describe('the metrics', () => {
  it('are named muster_…, each once, with its unit last and a sentence about it', () => {
    const rows = Object.values(METRICS)
    expect(new Set(rows.map(({ name }) => name)).size).to.equal(rows.length)
    for (const { name, type, about } of rows) {
      expect(name).to.match(/^muster_[a-z_]+$/)
      expect(about.length, name).to.be.greaterThan(15)
      expect(name.endsWith('_total'), name).to.equal(type === 'counter')
    }
  })

  it('of two keepers in one process never share a number', async () => {
    const [one, other] = [createMetrics(), createMetrics()]
    one.tx.inc({ kind: 'extract', state: 'final' })
    expect(await one.text()).to.include('muster_tx_total{kind="extract",state="final"} 1')
    expect(await other.text()).to.not.include('muster_tx_total{')
  })

  it('leave a gauge out that nobody has read: zero would say that the pool is empty', async () => {
    const metrics = createMetrics()
    const samples = async (): Promise<string[]> =>
      (await metrics.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    // Without labels a counter or a histogram begins at zero, and that is true.
    const isGauge = (line: string): boolean =>
      !/^muster_(journal_write_seconds|intake_beats_total)/.test(line)
    expect((await samples()).filter(isGauge)).to.deep.equal([])
    metrics.poolRunway.set(3)
    metrics.slotOpen.set({ job: 'settle-day' }, 1)
    expect(await samples()).to.include.members([
      'muster_pool_runway_cycles 3',
      'muster_slot_open{job="settle-day"} 1',
    ])
    unset(metrics.poolRunway)
    unset(metrics.slotOpen)
    expect((await samples()).filter((line) => /runway|slot_open/.test(line))).to.deep.equal([])
  })

  it('come with those of the process when asked', async () => {
    expect(await createMetrics({ withProcess: true }).text()).to.include(
      'process_resident_memory_bytes ',
    )
  })
})
