import { isIP, isIPv6 } from 'node:net'
import type { Config } from '../../config.ts'

/** A few names for the same loopback: who tests on one machine writes one or the other. */
const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]']
const ANY_ADDRESS = ['0.0.0.0', '::', '127.0.0.1', '::1', 'localhost']

type Named = Pick<Config, 'intakeUrl' | 'intakeHost' | 'intakeTlsCert'>

/**
 * By which names nodes may have been told to come. What an operator published is all that counts; without that,
 * the address that is listened on. A node signs the name, so that nobody in the middle can pass a login on.
 */
export function originsOf({ intakeUrl, intakeHost, intakeTlsCert }: Named, port: number): string[] {
  if (intakeUrl) return [...new Set(intakeUrl)]
  const scheme = intakeTlsCert === undefined ? 'http' : 'https'
  const host = isIP(intakeHost) !== 0 && isIPv6(intakeHost) ? `[${intakeHost}]` : intakeHost
  const names = ANY_ADDRESS.includes(intakeHost) ? LOOPBACK : [host]
  return names.map((name) => new URL(`${scheme}://${name}:${port}`).origin)
}
