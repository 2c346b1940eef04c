import {
  addDenialOrder,
  addHoldOrder,
  listDenialsOrder,
  listHoldsOrder,
  removeDenialOrder,
  removeHoldOrder,
} from './holds.ts'
import type { OfficeOrder } from './office.ts'
import {
  cancelWalletOrder,
  linkWalletOrder,
  listWalletsOrder,
  unlinkWalletOrder,
} from './wallet.ts'

/** By the words of their commands: the running keeper carries them out by the same functions. */
export const WALLET_ORDERS = {
  'wallet link': linkWalletOrder,
  'wallet list': listWalletsOrder,
  'wallet cancel': cancelWalletOrder,
  'wallet unlink': unlinkWalletOrder,
  'hold add': addHoldOrder,
  'hold remove': removeHoldOrder,
  'hold list': listHoldsOrder,
  'deny add': addDenialOrder,
  'deny remove': removeDenialOrder,
  'deny list': listDenialsOrder,
} satisfies Record<string, OfficeOrder>

export type WalletOrderName = keyof typeof WALLET_ORDERS
