import { appendFileSync } from 'node:fs'

const { MUSTER_TEST_SECRETS: noted } = process.env

/** Like a provider's key in the path; every test node's URL has it. */
export const RPC_TOKEN = 'canaryRpcToken0123456789abcdef'

export function withToken(url: string): string {
  return `${url}/v3/${RPC_TOKEN}`
}

/** A test that makes a secret up says so: in the end every log of the run is searched for it (S-48). */
export function noteSecret(secret: string): string {
  if (noted !== undefined) appendFileSync(noted, `${JSON.stringify(secret)}\n`)
  return secret
}
