import type { OfficeOrder } from './office.ts'
import { fundBonusOrder } from './partners-bonus.ts'
import { partnersRunOrder } from './partners-run.ts'
import { partnersStatusOrder } from './partners-status.ts'

/** By the words of their commands: the running keeper carries them out by the same functions. */
export const PARTNER_ORDERS = {
  'partners run': partnersRunOrder,
  'partners fund-bonus': fundBonusOrder,
  'partners status': partnersStatusOrder,
} satisfies Record<string, OfficeOrder>

export type PartnerOrderName = keyof typeof PARTNER_ORDERS
