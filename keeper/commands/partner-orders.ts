import type { OfficeOrder } from './office.ts'
import { fundBonusOrder } from './partners-bonus.ts'
import { partnersCorrectOrder } from './partners-correct.ts'
import { partnersImportOrder } from './partners-import.ts'
import { partnersPullOrder } from './partners-pull.ts'
import { partnersRunOrder } from './partners-run.ts'
import { specialOrder } from './partners-special.ts'
import { partnersStatusOrder } from './partners-status.ts'
import { partnersWhyOrder } from './partners-why.ts'

/** By the words of their commands: the running keeper carries them out by the same functions. */
export const PARTNER_ORDERS = {
  'partners import': partnersImportOrder,
  'partners pull': partnersPullOrder,
  'partners run': partnersRunOrder,
  'partners correct': partnersCorrectOrder,
  'partners fund-bonus': fundBonusOrder,
  'partners status': partnersStatusOrder,
  'partners special': specialOrder,
  'partners why': partnersWhyOrder,
} satisfies Record<string, OfficeOrder>

export type PartnerOrderName = keyof typeof PARTNER_ORDERS
