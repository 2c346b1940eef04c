import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { Wallet } from 'ethers'
import type { Address } from '../base/schema.ts'
import { createKeystore } from '../chain/keys/signer.ts'
import type { RosterRow } from '../validators/roster-file.ts'
import type { AgentSpec } from './live-agents.ts'
import type { Outage } from './live-schedule.ts'

/** Who takes part, and what happens to him. */
export interface Part {
  name: string
  about: string
  outages: readonly Outage[]
  /** His agent signs with a key that is not registered. */
  hasWrongKey?: boolean
}

const ALWAYS: readonly Outage[] = []
const NEVER: readonly Outage[] = [{ from: 0, until: 24 }]
const THRICE: readonly Outage[] = [
  { from: 4, until: 5 },
  { from: 12, until: 13 },
  { from: 19, until: 20 },
]

/** 24 snapshots at 80 %: 20 hours are in, 19 are out. */
export const CAST: readonly Part[] = [
  { name: 'ada', about: '', outages: ALWAYS },
  { name: 'ben', about: '', outages: ALWAYS },
  { name: 'cleo', about: '', outages: ALWAYS },
  { name: 'dan', about: '', outages: ALWAYS },
  { name: 'eve', about: 'killed for 4 h', outages: [{ from: 6, until: 10 }] },
  { name: 'finn', about: 'killed for 5 h', outages: [{ from: 9, until: 14 }] },
  { name: 'gus', about: 'comes 3 h late', outages: [{ from: 0, until: 3 }] },
  { name: 'hana', about: 'killed thrice', outages: THRICE },
  { name: 'ivo', about: 'never started', outages: NEVER },
  { name: 'jo', about: 'wrong key', outages: NEVER, hasWrongKey: true },
]

export interface Member extends Part {
  node: Address
  fund: Address
  agent: AgentSpec
}

/** Keys for everybody: light ones, which open in a moment and guard nothing. */
export async function hireCast(
  parts: readonly Part[],
  dir: string,
): Promise<{ members: Member[]; passwordFile: string }> {
  const password = randomBytes(32).toString('base64url')
  const passwordFile = join(dir, 'agents.password')
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 })
  const members: Member[] = []
  for (const part of parts) {
    const home = join(dir, 'agents', part.name)
    await mkdir(home, { recursive: true })
    const keystore = join(home, 'node.json')
    const { address } = await createKeystore({ file: keystore, password, light: true })
    const node = part.hasWrongKey ? Wallet.createRandom().address : address
    const fund = Wallet.createRandom().address as Address
    const agent = { name: part.name, keystore, dir: home }
    members.push({ ...part, node: node as Address, fund, agent })
  }
  return { members, passwordFile }
}

export function rosterOf(members: readonly Member[]): RosterRow[] {
  return members.map(({ node, fund }) => ({ node, fund, weight: 1n }))
}
