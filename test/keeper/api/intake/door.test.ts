import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { request } from 'node:https'
import { expect } from 'chai'
import WebSocket from 'ws'
import { openDoor } from '../../../../keeper/api/intake/door.ts'
import type { Door } from '../../../../keeper/api/intake/door.ts'
import { originsOf } from '../../../../keeper/api/intake/origins.ts'
import { loadConfig } from '../../../../keeper/config.ts'
import type { Config } from '../../../../keeper/config.ts'
import { makeCertificate } from '../../../helpers/certificate.ts'
import { rejectionOf } from '../../../helpers/errors.ts'
import { nodeKey, openDesk } from '../../../helpers/intake-desk.ts'
import type { Desk } from '../../../helpers/intake-desk.ts'
import { connectNode } from '../../../helpers/intake-service.ts'
import { testLog } from '../../../helpers/logs.ts'

/** The door alone, before an intake whose tally is in memory: no chain and no store. */
describe('the door of the intake', function () {
  this.timeout(20_000)
  let home: string
  const doors: Door[] = []
  const desks: Desk[] = []

  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'muster-door-'))
  })
  afterEach(async () => {
    for (const { intake } of desks.splice(0)) intake.close()
    for (const door of doors.splice(0)) await door.close()
  })
  after(() => rm(home, { recursive: true, force: true }))

  function configWith(changes: Partial<Config>): Config {
    return { ...loadConfig({}, { home }), intakePort: 0, ...changes }
  }

  async function open(changes: Partial<Config> = {}): Promise<Door> {
    const door = await openDoor({ config: configWith(changes), log: testLog })
    doors.push(door)
    return door
  }

  async function serve(door: Door, limits: object = {}): Promise<Desk> {
    const desk = openDesk({ audiences: door.origins, limits })
    desks.push(desk)
    await door.serve({ intake: desk.intake, receiptsOf: async () => [], hourNow: () => 489_000 })
    return desk
  }

  const urlOf = (door: Door): string => `http://127.0.0.1:${door.port}`

  async function refusedUpgrade(door: Door): Promise<[number, string]> {
    const ws = new WebSocket(`ws://127.0.0.1:${door.port}/v1/session`)
    ws.on('error', () => {})
    const [, response] = (await once(ws, 'unexpected-response')) as [unknown, NodeJS.ReadableStream]
    let text = ''
    for await (const chunk of response) text += String(chunk)
    const { statusCode = 0 } = response as unknown as { statusCode?: number }
    return [statusCode, (JSON.parse(text) as { error: { code: string } }).error.code]
  }

  it('is open while another keeper leads, and says INTAKE_STANDBY to whoever comes', async () => {
    const door = await open()
    const hello = await fetch(`${urlOf(door)}/v1/hello`)
    const body = (await hello.json()) as { error: { code: string } }
    expect([hello.status, body.error.code]).to.deep.equal([503, 'INTAKE_STANDBY'])
    expect(await refusedUpgrade(door)).to.deep.equal([503, 'INTAKE_STANDBY'])
  })

  it('sends its nodes away when its term ends, and serves the next term', async () => {
    const door = await open()
    await serve(door)
    const node = await connectNode(urlOf(door))
    await node.login(nodeKey(0))
    await door.serve(undefined)
    expect(await node.closed).to.deep.equal({ code: 1_012, reason: 'INTAKE_STANDBY' })
    expect(await refusedUpgrade(door)).to.deep.equal([503, 'INTAKE_STANDBY'])
    await serve(door)
    const again = await connectNode(urlOf(door))
    expect(await again.login(nodeKey(0))).to.include({ t: 'welcome' })
    again.end()
  })

  it('of a taken port says so, and of settings that contradict each other', async () => {
    const { port } = await open()
    const taken = await rejectionOf(
      openDoor({ config: configWith({ intakePort: port }), log: testLog }),
    )
    expect([taken.code, taken.exitCode]).to.deep.equal(['INTAKE_PORT_TAKEN', 78])
    const half = configWith({ intakeTlsCert: 'cert.pem' })
    expect((await rejectionOf(openDoor({ config: half, log: testLog }))).code).to.equal(
      'SETTING_INVALID',
    )
    const none = configWith({ intakeTlsCert: '/nowhere.pem', intakeTlsKey: '/nowhere.pem' })
    expect((await rejectionOf(openDoor({ config: none, log: testLog }))).code).to.equal(
      'FILE_UNREADABLE',
    )
  })

  it('takes wss and https with a certificate, and the origins begin with https', async () => {
    const { cert, key } = makeCertificate('intake')
    const [intakeTlsCert, intakeTlsKey] = [join(home, 'cert.pem'), join(home, 'key.pem')]
    await writeFile(intakeTlsCert, cert)
    await writeFile(intakeTlsKey, key)
    const door = await open({ intakeTlsCert, intakeTlsKey })
    await serve(door)
    const url = `https://127.0.0.1:${door.port}`
    expect(door.origins).to.include(url)
    const node = await connectNode(url, { ca: cert })
    expect(await node.login(nodeKey(0))).to.include({ t: 'welcome' })
    node.end()
    const hello = request(`${url}/v1/hello`, { ca: cert }).end()
    const [response] = (await once(hello, 'response')) as [{ statusCode: number; resume(): void }]
    response.resume()
    expect(response.statusCode).to.equal(200)
    const plain = await rejectionOfConnection(`ws://127.0.0.1:${door.port}/v1/session`)
    expect(plain).to.not.equal('')
  })

  async function rejectionOfConnection(url: string): Promise<string> {
    const ws = new WebSocket(url)
    const [error] = (await once(ws, 'error')) as [Error]
    return error.message
  }

  /** How many sessions that name their sender get in, of four. */
  async function admitted(door: Door, sender: (i: number) => string): Promise<number> {
    const nodes = []
    for (let i = 0; i < 4; i += 1) {
      nodes.push(await connectNode(urlOf(door), { headers: { 'x-forwarded-for': sender(i) } }))
    }
    const heard = await Promise.all(nodes.map(async (node) => (await firstOf(node)).t))
    for (const node of nodes) node.end()
    await Promise.all(nodes.map(({ closed }) => closed))
    return heard.filter((t) => t === 'hello').length
  }

  async function firstOf(node: Awaited<ReturnType<typeof connectNode>>): Promise<{ t: string }> {
    return Promise.race([node.next('hello'), node.next('refused')])
  }

  it('believes X-Forwarded-For from its own proxies alone', async () => {
    const limits = { maxSessionsPerAddress: 2 }
    const direct = await open()
    await serve(direct, limits)
    expect(await admitted(direct, (i) => `198.51.100.${i}`)).to.equal(2)
    const behind = await open({ intakeTrustProxy: '127.0.0.1' })
    await serve(behind, limits)
    expect(await admitted(behind, (i) => `198.51.100.${i}`)).to.equal(4)
    expect(await admitted(behind, (i) => `6.6.6.${i}, 198.51.100.9`)).to.equal(2)
  })

  it('bounds the requests of an address in a minute, and says when to come again', async () => {
    const door = await open({ intakePerAddress: 2 })
    await serve(door)
    const answers = []
    for (let i = 0; i < 9; i += 1) answers.push(await fetch(`${urlOf(door)}/v1/hello`))
    expect(answers.map(({ status }) => status)).to.deep.equal([...Array<number>(8).fill(200), 429])
    const last = answers.at(-1)
    expect(Number(last?.headers.get('retry-after'))).to.be.within(1, 60)
    expect(((await (last as Response).json()) as { error: { code: string } }).error.code).to.equal(
      'RATE_LIMITED',
    )
  })

  it('is reached by the names that its operator published; without them by the one it listens on', () => {
    const named = { intakeTlsCert: undefined, intakeUrl: undefined }
    const any = originsOf({ ...named, intakeHost: '0.0.0.0' }, 8600)
    expect(any).to.deep.equal([
      'http://127.0.0.1:8600',
      'http://localhost:8600',
      'http://[::1]:8600',
    ])
    expect(originsOf({ ...named, intakeHost: '10.0.0.7' }, 80)).to.deep.equal(['http://10.0.0.7'])
    expect(originsOf({ ...named, intakeHost: 'fd00::7' }, 1)).to.deep.equal(['http://[fd00::7]:1'])
    const { intakeUrl } = loadConfig({ MUSTER_INTAKE_URL: 'wss://a.example, https://a.example/x' })
    expect(originsOf({ ...named, intakeUrl, intakeHost: '0.0.0.0' }, 1)).to.deep.equal([
      'https://a.example',
    ])
  })
})
