import { checkTrailOrder, trailOrder } from './audit-trail.ts'
import { jobsOrder, redriveOrder } from './jobs-list.ts'
import type { OfficeOrder } from './office.ts'
import { PARTNER_ORDERS } from './partner-orders.ts'
import { reconcileOrder } from './reconcile.ts'
import { programBooksOrder } from './program-list.ts'
import { setProgramOrder } from './program-settings.ts'
import {
  listSecretsOrder,
  removeSecretOrder,
  rotateSecretsOrder,
  setSecretOrder,
} from './secrets.ts'
import { addTokenOrder, listTokensOrder, revokeTokenOrder } from './tokens.ts'
import { WALLET_ORDERS } from './wallet-orders.ts'
import { whyOrder } from './why.ts'

/** By the words of their commands: the running keeper carries them out by the same functions. */
export const OFFICE_ORDERS = {
  'tokens add': addTokenOrder,
  'tokens list': listTokensOrder,
  'tokens revoke': revokeTokenOrder,
  'secrets set': setSecretOrder,
  'secrets list': listSecretsOrder,
  'secrets rotate': rotateSecretsOrder,
  'secrets remove': removeSecretOrder,
  jobs: jobsOrder,
  'jobs redrive': redriveOrder,
  'program books': programBooksOrder,
  'program set': setProgramOrder,
  trail: trailOrder,
  'trail check': checkTrailOrder,
  reconcile: reconcileOrder,
  why: whyOrder,
  ...PARTNER_ORDERS,
  ...WALLET_ORDERS,
} satisfies Record<string, OfficeOrder>

export type OfficeOrderName = keyof typeof OFFICE_ORDERS

export function isOfficeOrder(name: string): name is OfficeOrderName {
  return Object.hasOwn(OFFICE_ORDERS, name)
}
