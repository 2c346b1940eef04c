import type { CommandRow } from './command-row.ts'
import { option } from './command-row.ts'
import type { WalletOrderName } from './wallet-orders.ts'

const reason = option('--reason <text>', 'why; it stays in the history')
const until = option('--until <when>', 'days (7d) or an ISO time; without it, until it is removed')
const program = option('--program <name>', 'of this program alone')
const after = option('--after <no>', 'those with a higher number: the next page', '0')

/** Where payees are paid, and who is not paid for now. */
export const WALLETS: readonly CommandRow[] = [
  {
    usage: 'wallet message <program> <payee> <address>',
    about: 'the message (EIP-712) that this wallet signs to be linked to that payee',
    example: './muster wallet message players player-7 0xWALLET > link.json',
    options: [
      option('--secondary', 'linked, but not the one that is paid'),
      option('--hours <n>', 'how long the message is good', '24'),
    ],
    load: async () => (await import('./wallet.ts')).walletMessageCommand,
  },
  {
    usage: 'wallet link <file>',
    about: 'link the wallet that signed this message; be sure that the payee brought it',
    example: './muster wallet link link.json --signature 0xSIGNATURE',
    options: [option('--signature <hex>', 'what the wallet made of the message')],
    load: async () => (await import('./wallet.ts')).linkWalletCommand,
  },
  {
    usage: 'wallet list <program> <payee>',
    about: 'its wallets, which one is paid, and a change that is under way',
    example: './muster wallet list players player-7',
    load: () => loadOrder('wallet list'),
  },
  {
    usage: 'wallet cancel <program> <payee>',
    about: 'take back a change of the primary wallet that is not in effect yet',
    example: './muster wallet cancel players player-7 --reason "not by the payee"',
    options: [reason],
    load: () => loadOrder('wallet cancel'),
  },
  {
    usage: 'wallet unlink <program> <payee> <address>',
    about: 'a wallet less; without a primary one the payee is not paid',
    example: './muster wallet unlink players player-7 0xWALLET --reason "key lost"',
    options: [reason],
    load: () => loadOrder('wallet unlink'),
  },
  {
    usage: 'hold add',
    about: 'do not pay an address, a payee or a program for now; what is owed waits',
    example:
      './muster hold add --program players --payee player-7 --until 7d --reason "in dispute"',
    options: [
      program,
      option('--payee <id>', 'this payee of the program'),
      option('--address <address>', 'whoever is paid there'),
      until,
      reason,
    ],
    load: () => loadOrder('hold add'),
  },
  {
    usage: 'hold remove <no>',
    about: 'pay again; the hold stays in the history',
    example: './muster hold remove 3 --reason "settled"',
    options: [reason],
    load: () => loadOrder('hold remove'),
  },
  {
    usage: 'hold list',
    about: 'holds in force: whom, until when, who said so and why',
    example: './muster hold list --json',
    options: [after],
    load: () => loadOrder('hold list'),
  },
  {
    usage: 'deny add <address>',
    about: 'never pay this address, nor link it as a wallet',
    example: './muster deny add 0xADDRESS --reason "sanctions list of 2026-11-20"',
    options: [program, until, reason],
    load: () => loadOrder('deny add'),
  },
  {
    usage: 'deny remove <no>',
    about: 'take an address from the deny list; the denial stays in the history',
    example: './muster deny remove 4 --reason "another person of that name"',
    options: [reason],
    load: () => loadOrder('deny remove'),
  },
  {
    usage: 'deny list',
    about: 'denied addresses: since when, who said so and why',
    example: './muster deny list',
    options: [after],
    load: () => loadOrder('deny list'),
  },
]

async function loadOrder(name: WalletOrderName): ReturnType<CommandRow['load']> {
  const { officeCommand } = await import('./office.ts')
  const { WALLET_ORDERS } = await import('./wallet-orders.ts')
  return officeCommand(name, WALLET_ORDERS[name])
}
