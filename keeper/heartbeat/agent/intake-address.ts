import { KeeperError } from '../../base/errors.ts'
import { originOf } from '../intake/login.ts'

/** One intake as its owner named it, and the addresses that follow from it. */
export interface IntakeAddress {
  /** As shown: scheme, host and path, nothing else. */
  url: string
  /** What is signed: a login at one intake is worth nothing at another. */
  audience: string
  session: string
  hello: string
  beat: string
  /** Nothing between the two encrypts, and it is not this machine. */
  isInTheClear: boolean
}

const SCHEMES = /^(wss?|https?):$/
const OWN_MACHINE = /^(localhost|127(\.\d+){3}|\[::1\])$/
// Each is a connection that lives; more monitors than this no registry has seats for.
const MAX_INTAKES = 16

export function parseIntakes(texts: readonly string[]): IntakeAddress[] {
  const intakes = texts.map(parseIntake)
  const faults = [
    ...(intakes.length === 0 ? ['none is named'] : []),
    ...(intakes.length > MAX_INTAKES ? [`more than ${MAX_INTAKES}`] : []),
    ...(new Set(intakes.map(({ hello }) => hello)).size < intakes.length
      ? ['one is named twice']
      : []),
  ]
  if (faults.length > 0) throw new KeeperError('INPUT_INVALID', { what: 'list of intakes', faults })
  return intakes
}

function parseIntake(text: string): IntakeAddress {
  const parsed = URL.parse(text.trim())
  const fault = faultOf(parsed)
  if (parsed === null || fault !== undefined) {
    throw new KeeperError('INPUT_INVALID', { what: 'address of the intake', faults: [fault] })
  }
  const isTls = /^(wss|https):$/.test(parsed.protocol)
  const path = parsed.pathname.replace(/\/+$/, '')
  const web = `http${isTls ? 's' : ''}://${parsed.host}`
  return {
    url: `${web}${path}`,
    audience: originOf(parsed.href),
    session: `ws${isTls ? 's' : ''}://${parsed.host}${path}/v1/session`,
    hello: `${web}${path}/v1/hello`,
    beat: `${web}${path}/v1/beat`,
    isInTheClear: !isTls && !OWN_MACHINE.test(parsed.hostname),
  }
}

function faultOf(parsed: URL | null): string | undefined {
  if (parsed === null || !SCHEMES.test(parsed.protocol)) return 'not an http, https, ws or wss URL'
  if (parsed.username !== '' || parsed.password !== '') return 'it has a password in it'
  return parsed.search === '' && parsed.hash === '' ? undefined : 'it has a query'
}
