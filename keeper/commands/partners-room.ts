import { z } from 'zod'
import { parseWith } from '../base/schema.ts'
import { openProgramContracts } from '../chain/program-contracts.ts'
import type { PartnersRoom } from '../programs/partners/room.ts'
import { readRuleset } from '../programs/partners/ruleset.ts'
import type { Run } from './command.ts'
import type { Office } from './office.ts'
import type { Asset } from './print.ts'
import { openSession } from './session.ts'

/** What the partners are paid in: the contract says it, so whoever has the store is told. */
export interface PartnersAsset extends Asset {
  /** CAIP-19. */
  asset: string
}

export async function partnersAsset(run: Run): Promise<PartnersAsset> {
  const session = await openSession(run)
  try {
    const { client, contracts } = session
    const { assetId, unit } = await openProgramContracts(client, contracts.deployment)
    return { asset: assetId, ...unit }
  } finally {
    await session.close()
  }
}

// What an ERC-20 may declare.
const MAX_DECIMALS = 255

const assetSchema = z.object({
  asset: z.string(),
  decimals: z.number().int().min(0).max(MAX_DECIMALS),
  symbol: z.string(),
})

/** Of an order's options, as `partnersAsset` put them there. */
export function assetOf(options: Record<string, unknown>): PartnersAsset {
  return parseWith(assetSchema, options, 'asset of the partners')
}

/** As the settings have it; whoever set the shadow never pays by a command. */
export async function partnersRoom(
  { db, config, clock, log }: Office,
  { asset, shadow = false }: { asset: string; shadow?: boolean },
): Promise<PartnersRoom> {
  return {
    db,
    clock,
    log,
    asset,
    zone: config.partnersZone,
    ruleset: await readRuleset(config.partnersRules),
    special: new Set(config.partnersSpecial),
    shadow: shadow || config.partners === 'shadow',
  }
}
