import { expect } from 'chai'
import { readFileSync } from 'node:fs'
import { TypedDataEncoder } from 'ethers'
import { MAX_CLIENT_FRAME } from '../../../../keeper/heartbeat/intake/frames.ts'
import { ATTEMPTS_PER_SESSION, DEFAULT_LIMITS } from '../../../../keeper/heartbeat/intake/limits.ts'
import { BEAT_TYPES, LOGIN_TYPES } from '../../../../keeper/heartbeat/intake/login.ts'
import { REFUSAL_STATUS } from '../../../../keeper/heartbeat/intake/refusals.ts'

const PAGE = readFileSync(`${import.meta.dirname}/../../../../docs/heartbeat.md`, 'utf8')
const shown = (value: number): string => value.toLocaleString('en-US')

describe('docs/heartbeat.md', () => {
  it('lists every refusal with its status and the code of the close, and no other', () => {
    const rows = [...PAGE.matchAll(/^\| `([A-Z_]+)` [^|]+\| (\d{3}) \| (\d{4}) \|$/gm)]
    const told = rows.map(([, code, status]) => [code, Number(status)])
    expect(told).to.have.deep.members(Object.entries(REFUSAL_STATUS))
    for (const [, , status, close] of rows) expect(Number(close)).to.equal(4_000 + Number(status))
  })

  it('says what is signed, letter by letter', () => {
    for (const types of [LOGIN_TYPES, BEAT_TYPES]) {
      const [name = ''] = Object.keys(types)
      expect(PAGE).to.contain(TypedDataEncoder.from(types).encodeType(name))
    }
  })

  it('names the limits that are in force', () => {
    const { maxSessions, maxSessionsPerAddress, loginBurst, frameBurst } = DEFAULT_LIMITS
    const attempts = ATTEMPTS_PER_SESSION * maxSessionsPerAddress
    const sentences = [
      `at most ${shown(MAX_CLIENT_FRAME)} characters`,
      `| ${shown(maxSessions)}; at most half`,
      `a /64) | ${maxSessionsPerAddress} |`,
      `${attempts} at once, then ${attempts} in 45 s`,
      `${loginBurst} at once, then one in ${DEFAULT_LIMITS.loginRefillMs / 1000} s`,
      `${frameBurst} at once, then four for each ping`,
      `within ${DEFAULT_LIMITS.challengeMs / 1000} s`,
      `at most ${DEFAULT_LIMITS.skewMs / 1000} s from the intake's clock`,
    ]
    for (const sentence of sentences) expect(PAGE).to.contain(sentence)
    expect(DEFAULT_LIMITS).to.deep.include({ framesPerPing: 4, idlePings: 4 })
  })
})
