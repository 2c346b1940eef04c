/** The keeper with one safeguard taken out: a simulation that does not notice that proves nothing. */
export interface Mutant {
  name: string
  /** What can happen without the safeguard. */
  because: string
  patches: readonly Patch[]
}

/** The text has to be there exactly once. */
export interface Patch {
  file: string
  find: string
  replace: string
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'store before send',
    because: 'a crash between the two leaves bytes on the chain that no journal knows',
    patches: [
      {
        file: 'keeper/chain/sending/send-acts.ts',
        find: '  const stored = await recordSigned(journal, tx, ',
        replace:
          '  await context.client.sendRaw(raw).catch(() => {})\n' +
          '  const stored = await recordSigned(journal, tx, ',
      },
    ],
  },
  {
    name: 'same bytes on retry',
    because: 'what is signed anew for a retry is mined under a hash that nobody looks for',
    patches: [
      {
        file: 'keeper/chain/sending/send-acts.ts',
        find: '    await context.client.sendRaw(attempt.raw)',
        replace:
          '    const age = BigInt(context.clock.now() - attempt.signedAt)\n' +
          '    const fees = { ...attempt, maxFeePerGas: attempt.maxFeePerGas + age }\n' +
          '    const { maxFeePerGas, maxPriorityFeePerGas } = fees\n' +
          '    const again = buildUnsigned(tx, { maxFeePerGas, maxPriorityFeePerGas }, attempt.purpose)\n' +
          '    await context.client.sendRaw(await context.signer.signTransaction(again))',
      },
    ],
  },
  {
    name: 'receipts of all attempts',
    because: 'the old attempt is mined after the bump and looks like somebody else',
    patches: [
      {
        file: 'keeper/chain/sending/confirm.ts',
        find: 'of attempts.toReversed()',
        replace: 'of attempts.slice(-1)',
      },
    ],
  },
  {
    name: 'nonce uniqueness',
    because: 'two intents share a nonce, so that one of them is never mined',
    patches: [
      {
        file: 'keeper/chain/journal/journal.ts',
        find: 'Math.max(plan.chainNonce, last === undefined ? 0 : last + 1)',
        replace: 'plan.chainNonce',
      },
      {
        file: 'keeper/store/migrations/0002_chain.sql',
        find: '  unique (chain_id, sender, nonce),\n',
        replace: '',
      },
    ],
  },
  {
    name: 'contract guard of payments',
    because: 'a stranger and the keeper pay the same bits',
    patches: [
      {
        file: 'test/sim/model-contract.ts',
        find: 'call.mask & open : 0n',
        replace: 'call.mask : 0n',
      },
    ],
  },
  {
    name: 'contract guard of extract',
    because: 'a stranger and the keeper extract the same cycle',
    patches: [
      {
        file: 'test/sim/model-contract.ts',
        find: "call.kind === 'extract' && has)",
        replace: "call.kind === 'extract' && has && call.cycle === 0)",
      },
    ],
  },
  {
    name: 'quorum',
    because: 'one node that lies makes a transaction final that was never mined',
    patches: [
      {
        file: 'keeper/chain/rpc/quorum.ts',
        find: 'return endpoints === 1 ? 1 : 2',
        replace: 'return 1',
      },
    ],
  },
  {
    name: 'foreign detection',
    because: 'somebody else signs with the key, and the queue goes on as if nothing had happened',
    patches: [
      {
        file: 'keeper/chain/sending/nonces.ts',
        find: '  await refuseForeign(context, nonces, counted)\n',
        replace: '',
      },
    ],
  },
  {
    name: 'never a new nonce by itself',
    because: 'a node that lags hides a receipt, and the same payment goes out at another nonce',
    patches: [
      {
        file: 'keeper/chain/sending/stopped.ts',
        find: '  await recordStopped(journal, tx, state, reason, clock.now())\n',
        replace:
          '  const gone = await recordStopped(journal, tx, state, reason, clock.now())\n' +
          '  await recordResolved(journal, gone, reason, clock.now())\n',
      },
    ],
  },
  {
    name: 'rewind after a reorg',
    because: 'a receipt is believed that is on no fork any more',
    patches: [
      {
        file: 'keeper/chain/sending/send-state.ts',
        find: "if (facts.recorded) return 'rewind'",
        replace: "if (facts.recorded) return 'wait'",
      },
    ],
  },
  {
    name: 'depth before final',
    because: 'a reorg takes away what the journal has called final',
    patches: [
      {
        file: 'keeper/chain/sending/send-state.ts',
        find: "receipt.blockNumber <= finalBlock ? 'final' : 'wait'",
        replace: "receipt.blockNumber <= finalBlock + 100 ? 'final' : 'wait'",
      },
    ],
  },
  {
    name: 'side log before broadcast',
    because: 'a loss of power takes the only copy of what was signed',
    patches: [
      {
        file: 'keeper/chain/journal/journal-moves.ts',
        find: '    if (!isLogged) await journal.sideLog.signed(entryOf(tx, attempt, at), turn.head)\n',
        replace: '',
      },
    ],
  },
  {
    name: 'reconcile at start',
    because: 'a store that went back in time plans again what is on its way',
    patches: [
      {
        file: 'keeper/chain/journal/reconcile.ts',
        find: 'const restored = await restoreSigned(options, own)',
        replace: 'const restored: TxRecord[] = []',
      },
    ],
  },
  {
    name: 'fence of the lease',
    because: 'a keeper that stood still goes on signing beside the one that took over',
    patches: [
      {
        file: 'keeper/chain/sending/send-acts.ts',
        find: '  await journal.lease?.check()\n',
        replace: '',
      },
      {
        file: 'keeper/store/migrations/0010_journal.sql',
        find: 'if v_epoch is distinct from p_epoch then',
        replace: 'if false then',
      },
    ],
  },
  {
    name: 'cancelled or not is told by the hash',
    because: 'a payment that its cancellation beat is taken for made',
    patches: [
      {
        file: 'keeper/chain/journal/journal-moves.ts',
        find: "  if (mined?.purpose === 'cancel') return 'cancelled'\n",
        replace: '',
      },
    ],
  },
]
