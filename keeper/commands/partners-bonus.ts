import { parseAmount } from '../base/amount.ts'
import { KeeperError } from '../base/errors.ts'
import { fundBonus } from '../programs/partners/fund-bonus.ts'
import type { Report, Run } from './command.ts'
import { officeCommand, textOf } from './office.ts'
import type { OfficeOrder } from './office.ts'
import { assetOf, partnersAsset } from './partners-room.ts'
import { money } from './print.ts'

// Part of the key in the books, which has room for 200 characters.
const MAX_REFERENCE_LENGTH = 120

/** The amount is read here, where the asset is known. */
export async function fundBonusCommand(
  run: Run,
  { reference }: { reference: string },
  [text = '']: string[],
): Promise<Report> {
  if (!/^[^\p{Cc}\p{Cs}]+$/u.test(reference) || reference.length > MAX_REFERENCE_LENGTH) {
    const what = `--reference has 1 to ${MAX_REFERENCE_LENGTH} characters, none of them a control character`
    throw new KeeperError('USAGE', { what, command: 'partners fund-bonus' })
  }
  const asset = await partnersAsset(run)
  const { decimals } = asset
  const amount = parseAmount(text, decimals)
  if (amount === 0n) throw new KeeperError('AMOUNT_INVALID', { text, decimals })
  const asked = { ...asset, reference, amount: String(amount) }
  return officeCommand('partners fund-bonus', fundBonusOrder)(run, asked, [])
}

export const fundBonusOrder: OfficeOrder = async ({ db, clock, actor }, _args, options) => {
  const { asset, ...unit } = assetOf(options)
  const amount = parseAmount(textOf(options['amount']) ?? '', 0)
  const reference = textOf(options['reference']) ?? ''
  const { isNew, budget } = await fundBonus({ db, clock, asset }, { amount, reference, actor })
  const said = isNew ? 'added to the budget' : 'was in the budget before: nothing was posted'
  return {
    json: { amount, reference, isNew, budget },
    lines: [`${money(amount, unit)} ${said} of the bonus, which has ${money(budget, unit)} now`],
  }
}
