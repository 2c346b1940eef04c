import { expect } from 'chai'
import { KeeperError, describe as describeError } from '../../../keeper/base/errors.ts'
import { createLogger } from '../../../keeper/base/log.ts'
import { rememberSecret } from '../../../keeper/base/redact.ts'
import { noteSecret } from '../../helpers/canaries.ts'
import { testClock } from '../../helpers/clock.ts'

const KEY = `0x${'ab12'.repeat(16)}`
const HASH = `0x${'cd34'.repeat(16)}`
const API_KEY = 'Zk3v9QpL7tYw2RbN8mXc'
const PASSWORD = noteSecret('correct horse battery')

function logged(write: (log: ReturnType<typeof createLogger>) => void): string {
  const lines: string[] = []
  write(createLogger({ level: 'debug', clock: testClock(0), write: (line) => lines.push(line) }))
  return lines.join('')
}

describe('the log', () => {
  it('writes one JSON line an event, with the time of the clock it was given', () => {
    const line = logged((log) => log.child({ job: 'daily' }).info({ amount: 12n }, 'paid'))
    expect(JSON.parse(line)).to.deep.equal({
      level: 'info',
      time: '1970-01-01T00:00:00Z',
      job: 'daily',
      amount: '12',
      event: 'paid',
    })
  })

  it('S-48 a key in a field of any depth, in an array or in a child logger is not written', () => {
    const out = logged((log) => {
      log.info({ a: { b: [{ privateKey: KEY }] } }, 'nested')
      log.child({ signer: { secret: KEY } }).info({ mnemonic: 'a b c' }, 'child')
      log.info({ keystorePassword: PASSWORD, API_KEY }, 'fields')
    })
    for (const secret of [KEY, PASSWORD, API_KEY, 'a b c']) expect(out).not.to.include(secret)
  })

  it('S-48 a key, a password or a provider token inside a text or an error is not written', () => {
    const url = `https://user:${'pa55word1'}@rpc.example/v3/${API_KEY}?token=${API_KEY}`
    const error = new Error(`cannot reach ${url}`, { cause: new Error(`private key: ${KEY}`) })
    const out = logged((log) => {
      log.error({ err: error }, `failed at ${url}`)
      log.error({ reason: `password=${PASSWORD.replaceAll(' ', '')}` }, 'text')
      log.error({ error: describeError(new KeeperError('RPC_UNAVAILABLE', { url })) }, 'described')
    })
    for (const secret of [KEY, 'pa55word1', API_KEY, 'correcthorse']) {
      expect(out).not.to.include(secret)
    }
    expect(out).to.include('rpc.example')
  })

  it('S-48 a value remembered as secret is removed wherever it turns up', () => {
    rememberSecret(PASSWORD)
    rememberSecret(KEY)
    const out = logged((log) =>
      log.info({ note: `x${PASSWORD}y`, bare: KEY.slice(2) }, `key ${KEY}`),
    )
    for (const secret of [PASSWORD, KEY, KEY.slice(2)]) expect(out).not.to.include(secret)
  })

  it('a transaction hash is written as it is', () => {
    expect(logged((log) => log.info({ hash: HASH }, `sent ${HASH}`))).to.include(HASH)
  })
})
