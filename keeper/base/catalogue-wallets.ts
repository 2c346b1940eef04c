import { EXIT, rows } from './catalogue-row.ts'

/** Rows of the wallets and the holds of payees. */
export const wallets = rows({
  WALLET_LINK_INVALID: {
    sentence: 'The link of {wallet} to {payee} of {program} is refused: {fault}.',
    wayOut: 'Nothing was linked. `muster wallet message` writes the message that the wallet signs.',
    exitCode: EXIT.data,
  },
  WALLET_SIGNATURE_WRONG: {
    sentence: '{wallet} has not signed this link.',
    wayOut: 'Nothing was linked. Let that very wallet sign the message as it stands (EIP-712).',
    exitCode: EXIT.denied,
  },
  WALLET_NONCE_USED: {
    sentence: 'The message of {wallet} with the nonce {nonce} was used before.',
    wayOut: 'A message counts once: make a new one with `muster wallet message`.',
    exitCode: EXIT.data,
  },
  WALLET_CHANGE_PENDING: {
    sentence: '{payee} of {program} changes to {wallet} already, at {effectiveAt}.',
    wayOut: 'Wait until then, or take that change back with `muster wallet cancel`.',
    exitCode: EXIT.data,
  },
  WALLET_NOT_LINKED: {
    sentence: '{payee} of {program} has no {what}.',
    wayOut: '`muster wallet list` shows what is linked.',
    exitCode: EXIT.data,
  },
  WALLET_RACE: {
    sentence: 'The wallets of {payee} of {program} were changed at the same time.',
    wayOut: 'Nothing was changed by this call. Look at `muster wallet list`, then try again.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  PAYEE_DENIED: {
    sentence: '{address} is on the deny list (number {id}): {reason}.',
    wayOut: 'Nothing was linked or paid. `muster deny list` shows who put it there.',
    exitCode: EXIT.denied,
  },
  HOLD_UNKNOWN: {
    sentence: 'There is no {list} with the number {id} in force.',
    wayOut: '`muster {list} list` shows those that are.',
    exitCode: EXIT.data,
  },
})
