/** What a node meant, recognised once from its wording, which differs between geth, Hardhat and anvil. */
export type RpcFault =
  | 'already-known'
  | 'nonce-too-low'
  | 'nonce-gap'
  | 'underpriced'
  | 'fee-too-low'
  | 'insufficient-funds'
  | 'gas-limit'
  | 'reverted'
  | 'rate-limited'
  | 'not-indexed'
  | 'other'

// The first that matches counts: "replacement … underpriced" before the plain fee words.
const WORDINGS: readonly [RpcFault, RegExp][] = [
  ['already-known', /already known|already[_ ]exists|known transaction|already imported/i],
  ['underpriced', /underpriced|replacement fee too low|could not replace existing/i],
  ['nonce-too-low', /nonce (is )?too low|nonce has already been used|oldnonce/i],
  ['nonce-gap', /nonce (is )?too high|transactions can't be queued|exceeds the allowed gap/i],
  ['insufficient-funds', /insufficient (funds|balance)|doesn't have enough funds|out of funds/i],
  ['fee-too-low', /max ?fee ?per ?gas.*(less|lower|too low)|fee cap less than|below.*base ?fee/i],
  ['gas-limit', /exceeds (the )?(block|transaction)? ?gas (limit|cap)|intrinsic gas|out of gas/i],
  ['gas-limit', /requires at least \d+ gas/i],
  ['reverted', /revert|invalid opcode|bad instruction|stack underflow|invalidfeopcode/i],
  ['rate-limited', /rate ?limit|too many requests|\b429\b|capacity exceeded/i],
  // geth, for a transaction that it does not find while its index is behind: after each block for a moment.
  ['not-indexed', /indexing is in progress/i],
]

export function faultOfMessage(message: string): RpcFault {
  return WORDINGS.find(([, wording]) => wording.test(message))?.[0] ?? 'other'
}
