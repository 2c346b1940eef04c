import { expect } from 'chai'
import { faultOfMessage } from '../../../../keeper/chain/rpc/rpc-fault.ts'

/** As geth, Hardhat, anvil, reth and providers word it. */
const WORDINGS: [string, string][] = [
  ['already known', 'already-known'],
  ['ALREADY_EXISTS: already known', 'already-known'],
  ['Known transaction: 0xab', 'already-known'],
  ['transaction already imported', 'already-known'],
  ['nonce too low: next nonce 5, tx nonce 4', 'nonce-too-low'],
  ['Transaction nonce too low. Expected nonce to be at least 4 but got 1.', 'nonce-too-low'],
  ['replacement transaction underpriced', 'underpriced'],
  ['Replacement transaction underpriced. A gasPrice/maxFeePerGas of at least 5', 'underpriced'],
  ['transaction underpriced: tip needed 1, tip permitted 0', 'underpriced'],
  ['insufficient funds for gas * price + value: balance 0', 'insufficient-funds'],
  ['Insufficient funds for gas * price + value', 'insufficient-funds'],
  ["Sender doesn't have enough funds to send tx.", 'insufficient-funds'],
  ['max fee per gas less than block base fee: address 0x', 'fee-too-low'],
  [
    'Transaction maxFeePerGas (1) is too low for the next block, which has a baseFeePerGas',
    'fee-too-low',
  ],
  ["Transaction nonce too high. Transactions can't be queued when automining.", 'nonce-gap'],
  ['exceeds block gas limit', 'gas-limit'],
  ['intrinsic gas too low: gas 100, minimum needed 21000', 'gas-limit'],
  ['execution reverted', 'reverted'],
  ['VM Exception while processing transaction: reverted with custom error', 'reverted'],
  ['429 Too Many Requests', 'rate-limited'],
  ['Transaction requires at least 21000 gas but got 20000', 'gas-limit'],
  ['transaction indexing is in progress', 'not-indexed'],
  ['the method eth_foo does not exist', 'other'],
]

describe("a node's refusal", () => {
  for (const [message, fault] of WORDINGS) {
    it(`S-14 S-15 S-16 "${message}" means ${fault}`, () => {
      expect(faultOfMessage(message)).to.equal(fault)
      expect(faultOfMessage(message.toUpperCase())).to.equal(fault)
    })
  }
})
