import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { expect } from 'chai'
import { systemClock } from '../../../../keeper/base/time.ts'
import { nodeKey } from '../../../helpers/intake-desk.ts'
import { connectNode, openBench } from '../../../helpers/intake-service.ts'
import type { Bench } from '../../../helpers/intake-service.ts'
import { FIRST_CUT } from '../../../helpers/muster.ts'

const NOW = FIRST_CUT + 1_200
const SESSIONS_PER_ADDRESS = 8
// What an address may have beside its sessions.
const SPARE = 32

/** Clients that break the protocol, on purpose or not: each is refused by name, and nobody else notices. */
describe('bad clients of the intake', function () {
  this.timeout(60_000)
  let bench: Bench
  const sockets: Socket[] = []

  before(async () => {
    bench = await openBench({
      at: NOW,
      config: { intakePerAddress: SESSIONS_PER_ADDRESS },
      limits: { challengeMs: 1_500 },
    })
  })
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy()
    const end = systemClock.nowMs() + 5_000
    while (bench.service.figures().sessions > 0 && systemClock.nowMs() < end) {
      await systemClock.sleep(10)
    }
  })
  after(() => bench.close())

  const refused = (code: string): number => bench.service.figures().refused[code] ?? 0

  /** A connection below HTTP, from one of this machine's addresses. */
  async function open(localAddress = '127.0.0.1'): Promise<Socket> {
    const socket = connect({ port: bench.service.port, host: '127.0.0.1', localAddress })
    sockets.push(socket)
    socket.on('error', () => {})
    await Promise.race([once(socket, 'connect'), once(socket, 'close')])
    return socket
  }

  /** Everything until the other side ends. */
  async function allOf(socket: Socket): Promise<string> {
    let text = ''
    socket.on('data', (data) => (text += data.toString()))
    await once(socket, 'close')
    return text
  }

  const UPGRADE = [
    'GET /v1/session HTTP/1.1',
    'Host: x',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ].join('\r\n')

  /** A session that speaks bytes: frames may be anything. */
  async function openRaw(): Promise<Socket> {
    const socket = await open()
    socket.write(`${UPGRADE}\r\n\r\n`)
    await once(socket, 'data')
    return socket
  }

  /** A masked frame of the protocol, its mask zero. */
  function frame(opcode: number, payload: Buffer, { isMasked = true, bits = 0x80 } = {}): Buffer {
    const size = payload.length
    const mask = isMasked ? 0x80 : 0
    const head =
      size < 126
        ? Buffer.from([bits | opcode, mask | size])
        : Buffer.from([bits | opcode, mask | 126, size >> 8, size & 255])
    return Buffer.concat([head, isMasked ? Buffer.alloc(4) : Buffer.alloc(0), payload])
  }

  it('a frame of more than 2 KB is refused by name; one of more than 4 KB is not even read', async () => {
    const long = await connectNode(bench.url)
    long.send(`{"t":"ping","n":${' '.repeat(2_500)}1}`)
    expect(await long.next('refused')).to.include({ code: 'FRAME_TOO_LARGE' })
    expect((await long.closed).code).to.equal(4_413)
    const before = refused('FRAME_TOO_LARGE')
    const longer = await connectNode(bench.url)
    longer.send('x'.repeat(1_000_000))
    expect((await longer.closed).code).to.equal(1_009)
    expect(refused('FRAME_TOO_LARGE')).to.equal(before + 1)
  })

  it('frames that are no JSON, binary, or not of the protocol are refused as FRAME_INVALID', async () => {
    for (const data of ['', '{', 'null', '{"t":"login"}', Buffer.from([1, 2, 3])]) {
      const node = await connectNode(bench.url)
      node.send(data)
      expect(await node.next('refused'), String(data)).to.include({ code: 'FRAME_INVALID' })
      expect((await node.closed).code).to.equal(4_400)
    }
    const before = refused('FRAME_INVALID')
    const broken = [
      frame(1, Buffer.from([0xc3, 0x28])),
      frame(1, Buffer.from('{}'), { isMasked: false }),
      frame(1, Buffer.from('{}'), { bits: 0xf0 }),
      frame(9, Buffer.alloc(200)),
      frame(11, Buffer.from('{}')),
    ]
    for (const bytes of broken) {
      const socket = await openRaw()
      socket.write(bytes)
      await allOf(socket)
    }
    expect(refused('FRAME_INVALID')).to.equal(before + broken.length)
  })

  it('a frame in many small pieces is cut off before its pieces fill the memory', async () => {
    const before = refused('FRAME_INVALID')
    const socket = await openRaw()
    socket.write(frame(1, Buffer.from('{'), { bits: 0 }))
    for (let piece = 0; piece < 100; piece += 1) {
      socket.write(frame(0, Buffer.from(' '), { bits: 0 }))
    }
    await allOf(socket)
    expect(refused('FRAME_INVALID')).to.equal(before + 1)
  })

  it('a flood of control frames, which no session counts, ends within a sweep', async () => {
    const before = refused('RATE_LIMITED')
    const socket = await openRaw()
    const flood = Buffer.concat(Array<Buffer>(5_000).fill(frame(10, Buffer.alloc(100))))
    const ended = once(socket, 'close')
    socket.write(flood)
    await ended
    expect(refused('RATE_LIMITED')).to.equal(before + 1)
  })

  it('a flood of frames from one node ends its session; the others are answered as before', async () => {
    const [flooder, calm] = [await connectNode(bench.url), await connectNode(bench.url)]
    await flooder.login(nodeKey(0))
    await calm.login(nodeKey(1))
    for (let n = 0; n < 2_000; n += 1) flooder.send({ t: 'ping', n })
    expect(await flooder.next('refused')).to.include({ code: 'RATE_LIMITED' })
    expect((await flooder.closed).code).to.equal(4_429)
    expect(await calm.beat()).to.include({ count: 1 })
    calm.end()
  })

  it('who sends the head of a request byte by byte is cut off after five seconds, named', async () => {
    const socket = await open()
    const answer = allOf(socket)
    const startMs = systemClock.nowMs()
    socket.write('POST /v1/beat HTTP/1.1\r\nHost: x\r\n')
    const drip = async (): Promise<void> => {
      while (!socket.destroyed) {
        socket.write('X')
        await systemClock.sleep(200)
      }
    }
    void drip()
    expect(await answer)
      .to.include('408')
      .and.to.include('DEADLINE_PASSED')
    expect(systemClock.nowMs() - startMs).to.be.within(4_000, 8_000)
  })

  it('what is no HTTP, and a head that is too long, are refused', async () => {
    const other = await open()
    other.write('EHLO x\r\n\r\n')
    expect(await allOf(other)).to.include('FRAME_INVALID')
    const long = await open()
    long.write(`GET /v1/hello HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(10_000)}\r\n\r\n`)
    expect(await allOf(long)).to.include('FRAME_INVALID')
  })

  it('a session that owes its login is closed when its time is over', async () => {
    const node = await connectNode(bench.url)
    expect(await node.next('refused')).to.include({ code: 'LOGIN_TIMEOUT' })
    expect((await node.closed).code).to.equal(4_408)
  })

  it('one address gets its share of connections and of sessions, and another address is served beside it', async () => {
    const before = refused('ADDRESS_FULL')
    const sessions = SESSIONS_PER_ADDRESS
    const held = []
    for (let i = 0; i < sessions; i += 1) held.push(await connectNode(bench.url))
    const over = await connectNode(bench.url)
    expect(await over.next('refused')).to.include({ code: 'ADDRESS_FULL' })
    await over.closed
    const idle = await Promise.all(Array.from({ length: SPARE }, () => open()))
    const cut = await open()
    if (!cut.destroyed) await once(cut, 'close')
    expect(refused('ADDRESS_FULL')).to.be.greaterThan(before + 1)
    const other = await connectNode(bench.url, { localAddress: '127.0.0.2' })
    expect(await other.login(nodeKey(2))).to.include({ t: 'welcome' })
    for (const node of [...held, other]) node.end()
    expect(idle.filter(({ destroyed }) => destroyed)).to.have.length(0)
  })

  it('a node that never reads its answers is let go before they fill the memory', async () => {
    const node = await connectNode(bench.url)
    await node.login(nodeKey(0))
    const ended = node.closed
    node.ws.pause()
    const filling = async (): Promise<void> => {
      // The rate of a session would end it first; so the other way in: what we tell it by ourselves.
      const frame = { t: 'receipt', receipt: { filler: 'x'.repeat(8_000) } } as const
      for (let i = 0; i < 2_000; i += 1) {
        bench.service.intake.tell(nodeKey(0).address as `0x${string}`, frame)
        if (i % 100 === 0) await systemClock.sleep(1)
      }
    }
    await filling()
    const end = systemClock.nowMs() + 5_000
    while (bench.service.figures().nodes > 0 && systemClock.nowMs() < end) {
      await systemClock.sleep(10)
    }
    expect(bench.service.figures().nodes).to.equal(0)
    node.ws.resume()
    node.end()
    await ended
  })

  it('an upgrade to another path, or without the words of WebSocket, is no session', async () => {
    const other = await open()
    other.write(`${UPGRADE.replace('/v1/session', '/v1/other')}\r\n\r\n`)
    expect(await allOf(other))
      .to.include('404')
      .and.to.include('ROUTE_UNKNOWN')
    const old = await open()
    old.write(`${UPGRADE.replace('Version: 13', 'Version: 7')}\r\n\r\n`)
    expect(await allOf(old)).to.include('400')
    expect(bench.service.figures().sessions).to.equal(0)
  })
})
