import { expect } from 'chai'
import { TypedDataEncoder, verifyTypedData } from 'ethers'
import type { Hex } from '../../../../keeper/base/schema.ts'
import type { LoginFrame, SignedBeat } from '../../../../keeper/heartbeat/intake/frames.ts'
import { parseBeat } from '../../../../keeper/heartbeat/intake/frames.ts'
import {
  beatTyped,
  loginTyped,
  openSignatureCheck,
  originOf,
} from '../../../../keeper/heartbeat/intake/login.ts'
import { codeOf } from '../../../helpers/errors.ts'
import {
  AUDIENCE,
  HOME,
  STATUS,
  addressOf,
  beatBody,
  nodeKey,
  openDesk,
  signed,
} from '../../../helpers/intake-desk.ts'

const CHALLENGE = `0x${'5a'.repeat(32)}` as const
const CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n

describe('the signature of a login', () => {
  const check = openSignatureCheck(HOME)
  const wallet = nodeKey(0)
  const login = { node: addressOf(wallet), audience: AUDIENCE, challenge: CHALLENGE }
  let frame: LoginFrame

  before(async () => {
    const signature = await signed(wallet, loginTyped(HOME, login))
    frame = { t: 'login', node: login.node, audience: AUDIENCE, signature }
  })
  const codeFor = (changed: Partial<LoginFrame>, challenge: Hex = CHALLENGE): string =>
    codeOf(() => check.checkLogin({ ...frame, ...changed }, challenge))

  it('is the EIP-712 signature that every wallet makes, with chain and registry in its domain', () => {
    const { domain, types, value } = loginTyped(HOME, login)
    expect(verifyTypedData(domain, types, value, frame.signature)).to.equal(login.node)
    expect(TypedDataEncoder.from(types).encodeType('Login')).to.equal(
      'Login(address node,string audience,bytes32 challenge)',
    )
    expect(codeFor({})).to.equal('no error')
  })

  it('counts for no other node, audience or challenge', () => {
    expect(codeFor({ node: addressOf(nodeKey(1)) })).to.equal('LOGIN_INVALID')
    expect(codeFor({ audience: 'https://b.example' })).to.equal('LOGIN_INVALID')
    expect(codeFor({}, `0x${'5b'.repeat(32)}`)).to.equal('LOGIN_INVALID')
  })

  it('counts on no other chain and for no other registry', () => {
    const elsewhere = [
      { ...HOME, chainId: 1 },
      { ...HOME, registry: addressOf(nodeKey(9)) },
    ]
    for (const home of elsewhere) {
      const other = openSignatureCheck(home)
      expect(codeOf(() => other.checkLogin(frame, CHALLENGE))).to.equal('LOGIN_INVALID')
    }
  })

  it('that is no signature, or its twin with the high s, is refused and throws nothing else', () => {
    const twin = highS(frame.signature)
    const bad = [`0x${'00'.repeat(65)}`, `0x${'ff'.repeat(65)}`, twin] as LoginFrame['signature'][]
    for (const signature of bad) expect(codeFor({ signature })).to.equal('LOGIN_INVALID')
  })
})

describe('the signature of a single beat', () => {
  const check = openSignatureCheck(HOME)
  const wallet = nodeKey(0)
  const codeFor = (beat: SignedBeat): string => codeOf(() => check.checkBeat(beat))
  let beat: SignedBeat

  before(async () => {
    beat = parseBeat(await beatBody(openDesk(), wallet))
  })

  it('covers every field', () => {
    expect(codeFor(beat)).to.equal('no error')
    const changes: Partial<SignedBeat>[] = [
      { node: addressOf(nodeKey(1)) },
      { audience: 'https://b.example' },
      { at: beat.at + 1 },
      { cpuBps: 1 },
      { memoryBps: 1 },
      { diskBps: 1 },
      { height: 1n },
      { version: 'b' },
    ]
    expect(Object.keys(beat)).to.have.length(changes.length + 1)
    for (const change of changes) expect(codeFor({ ...beat, ...change })).to.equal('BEAT_INVALID')
  })

  it('is not that of a login, nor the other way round', async () => {
    const { node } = beat
    const challenge = CHALLENGE
    const signature = await signed(
      wallet,
      loginTyped(HOME, { node, audience: AUDIENCE, challenge }),
    )
    expect(codeFor({ ...beat, signature })).to.equal('BEAT_INVALID')
    const { types } = beatTyped(HOME, { ...STATUS, node, audience: AUDIENCE, at: 1 })
    expect(TypedDataEncoder.from(types).encodeType('Beat')).to.equal(
      'Beat(address node,string audience,uint64 at,uint16 cpuBps,uint16 memoryBps,uint16 diskBps,' +
        'uint64 height,string version)',
    )
  })
})

describe('the origin of an intake', () => {
  it('is the same for its web address, its session and with the default port written out', () => {
    const same = ['https://A.example', 'wss://a.example/v1/session', 'https://a.example:443/x?y#z']
    for (const url of same) expect(originOf(url)).to.equal('https://a.example')
    expect(originOf('ws://127.0.0.1:8080/v1/session')).to.equal('http://127.0.0.1:8080')
  })

  it('differs by scheme, host and port', () => {
    const others = ['http://a.example', 'https://b.example', 'https://a.example:8443']
    const origins = new Set(['https://a.example', ...others].map(originOf))
    expect(origins.size).to.equal(4)
  })

  it('is not found in what is no web address', () => {
    for (const text of ['', 'a.example', 'ftp://a.example', 'file:///etc/passwd', '//a']) {
      expect(
        codeOf(() => originOf(text)),
        text,
      ).to.equal('INPUT_INVALID')
    }
  })
})

/** The other signature that is valid for the same digest: s mirrored, the parity turned. */
function highS(signature: string): string {
  const s = CURVE_ORDER - BigInt(`0x${signature.slice(66, 130)}`)
  const v = signature.endsWith('1b') ? '1c' : '1b'
  return `${signature.slice(0, 66)}${s.toString(16).padStart(64, '0')}${v}`
}
