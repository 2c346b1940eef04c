import { z } from 'zod'
import { setting } from './setting.ts'

// Longer than a month nobody waits for pay; none at all would leave no time to notice a theft.
const MAX_DELAY_HOURS = 720

/** What the wallets of payees are told. */
export const WALLET_SETTINGS = {
  walletDelayHours: setting(
    'MUSTER_WALLET_DELAY_HOURS',
    '48',
    'hours',
    z.coerce.number().int().min(1).max(MAX_DELAY_HOURS),
    'how long a change of a primary wallet waits; the old one is paid, and the change can be cancelled',
  ),
} as const
