import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { ALERTS } from '../keeper/base/alerts.ts'
import { METRICS, createMetrics } from '../keeper/base/metrics.ts'

const DOCS = join(import.meta.dirname, '..', 'docs')
const RULES = join(DOCS, 'alerts', 'muster.rules.yml')
const RULES_TEST = join(DOCS, 'alerts', 'muster.rules.test.yml')
const DASHBOARD = join(DOCS, 'alerts', 'grafana.json')
// Prometheus makes these itself.
const OF_PROMETHEUS = new Set(['up'])

const read = (file: string): string => readFileSync(file, 'utf8')

/** Every series that a page of ours can have: a histogram has three. */
async function known(): Promise<Set<string>> {
  const ours = Object.values(METRICS).flatMap(({ name, type }) =>
    type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  )
  const page = await createMetrics({ withProcess: true }).text()
  const ofProcess = [...page.matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name ?? '')
  return new Set([...ours, ...ofProcess])
}

function metricsIn(expression: string): string[] {
  return [...expression.matchAll(/\b(?:muster|process|nodejs)_\w+/g)].map(([name]) => name)
}

/** The expressions of the rules; YAML's folded lines are only more text to search. */
function rules(): { name: string; expression: string; text: string }[] {
  return read(RULES)
    .split(/^ {6}- alert: /m)
    .slice(1)
    .map((text) => {
      const expression = /expr:(.*?)\n {8}(?:for|labels|#)/s.exec(text)?.[1] ?? ''
      return { name: text.split('\n')[0] ?? '', expression, text }
    })
}

function expressionsOfDashboard(): string[] {
  const { panels } = JSON.parse(read(DASHBOARD)) as { panels: { targets?: { expr: string }[] }[] }
  return panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
}

function promtool(...args: string[]): { status: number | null; said: string; isThere: boolean } {
  const { status, stdout, stderr, error } = spawnSync('promtool', args, { encoding: 'utf8' })
  return { status, said: `${stdout}${stderr}`, isThere: error === undefined }
}

describe('the alert rules and the dashboard', function () {
  // promtool plays a day and more, minute by minute.
  this.timeout(60_000)
  it('use only metrics that the keeper has', async () => {
    const names = await known()
    const used = [...rules().map(({ expression }) => expression), ...expressionsOfDashboard()]
    const unknown = used.flatMap(metricsIn).filter((name) => !names.has(name))
    expect(used.length).to.be.greaterThan(40)
    expect(unknown.filter((name) => !OF_PROMETHEUS.has(name))).to.deep.equal([])
  })

  it('use every metric of ours but the one that only names the chain', () => {
    const text = [...rules().map(({ expression }) => expression), ...expressionsOfDashboard()]
    const used = new Set(text.flatMap(metricsIn).map((name) => name.replace(/_bucket$/, '')))
    const unused = Object.values(METRICS).filter(({ name }) => !used.has(name))
    expect(unused.map(({ name }) => name)).to.deep.equal([])
  })

  it('say for each rule how bad it is, what happened and what to do', () => {
    expect(rules().length).to.be.greaterThan(20)
    for (const { name, expression, text } of rules()) {
      expect(expression.trim(), name).to.not.equal('')
      expect(text, name).to.match(/severity: (critical|warning)/)
      expect(text, name).to.match(/summary: \S/)
      expect(text, name).to.match(/action: \S/)
    }
  })

  it('are explained in the operations page: each rule and each kind of alert has its row', () => {
    const page = read(join(DOCS, 'operations.md'))
    const rows = Object.keys(ALERTS).filter((kind) => !page.includes(`| \`${kind}\` |`))
    expect(rows).to.deep.equal([])
    expect(rules().filter(({ name }) => !page.includes(name))).to.deep.equal([])
  })

  it('fire when they should and are quiet on an ordinary day (promtool, where it is installed)', () => {
    const check = promtool('check', 'rules', RULES)
    if (!check.isThere) {
      console.log('      promtool is not installed (apt-get install prometheus): rules not run')
      expect(read(RULES_TEST)).to.include('an ordinary day is silent')
      return
    }
    expect(check.status, check.said).to.equal(0)
    const run = promtool('test', 'rules', RULES_TEST)
    expect(run.status, run.said).to.equal(0)
  })
})
