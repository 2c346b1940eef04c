import { expect } from 'chai'
import { silentLogger } from '../../../../keeper/base/log.ts'
import type { LoginFrame } from '../../../../keeper/heartbeat/intake/frames.ts'
import { Gate } from '../../../../keeper/heartbeat/intake/gate.ts'
import { DEFAULT_LIMITS } from '../../../../keeper/heartbeat/intake/limits.ts'
import { codeOf, rejectionOf } from '../../../helpers/errors.ts'
import { AUDIENCE, HOME, addressOf, nodeKey } from '../../../helpers/intake-desk.ts'

const FALSE_LOGIN: LoginFrame = {
  t: 'login',
  node: addressOf(nodeKey(0)),
  audience: AUDIENCE,
  signature: `0x${'11'.repeat(64)}1b`,
}
const CHALLENGE = `0x${'00'.repeat(32)}` as const

describe('the gate', () => {
  const gate = new Gate(
    {
      ...HOME,
      audiences: ['wss://a.example/v1/session', 'https://b.example:8443'],
      members: { stateOf: () => Promise.resolve('active') },
      log: silentLogger,
    },
    DEFAULT_LIMITS,
    45_000,
  )

  it('checks no signature for a connection that has ended meanwhile', async () => {
    const address = '192.0.2.1'
    await gate.checkLogin({ address, isWaiting: () => false }, FALSE_LOGIN, CHALLENGE)
    const waiting = gate.checkLogin({ address, isWaiting: () => true }, FALSE_LOGIN, CHALLENGE)
    expect((await rejectionOf(waiting)).code).to.equal('LOGIN_INVALID')
  })

  it('takes what was signed for any of its own origins, however the operator wrote them', () => {
    gate.refuseAudience('https://a.example')
    gate.refuseAudience('https://b.example:8443')
    for (const audience of ['https://b.example', 'wss://a.example', 'https://a.example/', '']) {
      expect(
        codeOf(() => gate.refuseAudience(audience)),
        audience,
      ).to.equal('LOGIN_AUDIENCE')
    }
  })
})
