import { option } from './command-row.ts'
import type { CommandRow } from './command-row.ts'

/** What programs award is booked, settled and paid. */
export const PROGRAMS: readonly CommandRow[] = [
  {
    usage: 'deploy-payouts',
    about: 'deploy the contract that pays the programs, beside the recorded deployment',
    example: './muster deploy-payouts',
    options: [
      option('--token <address>', 'pay in this ERC-20 (default: what the validators are paid in)'),
      option('--force', 'although one is recorded: it keeps its money, another takes its place'),
    ],
    load: async () => (await import('./deploy-payouts.ts')).deployPayoutsCommand,
  },
  {
    usage: 'program add <program>',
    about: 'let a program pay: its key and its budget, through the timelock',
    example: './muster program add manual --capacity 1000 --per-day 1000',
    options: [
      option('--capacity <amount>', 'the most that can leave at once').makeOptionMandatory(),
      option('--per-day <amount>', 'by how much the budget refills').makeOptionMandatory(),
      option('--payer <address>', 'who signs its batches (default: the address of our payer key)'),
      option('--stipend <gas>', 'gas a payee gets (default 30000, token 150000)'),
      option('--max-refused <n>', 'refusals after which a batch stops (default 16)'),
    ],
    load: async () => (await import('./programs.ts')).addProgramCommand,
  },
  {
    usage: 'program fund <program> <amount>',
    about: 'add money to a program',
    example: './muster program fund manual 250',
    load: async () => (await import('./programs.ts')).fundProgramCommand,
  },
  {
    usage: 'program show [program]',
    about: 'its payer, its money and its budget',
    example: './muster program show manual --json',
    load: async () => (await import('./programs.ts')).showProgramCommand,
  },
  {
    usage: 'program lower <program>',
    about: 'guardian: lower what may leave, at once',
    example: './muster program lower manual --capacity 10 --per-day 0',
    options: [
      option('--capacity <amount>', 'the most that can leave at once').makeOptionMandatory(),
      option('--per-day <amount>', 'by how much the budget refills').makeOptionMandatory(),
    ],
    load: async () => (await import('./program-guardian.ts')).lowerBudgetCommand,
  },
  {
    usage: 'program revoke <program>',
    about: 'guardian: take the right to pay from the payer’s key, at once',
    example: './muster program revoke manual',
    load: async () => (await import('./program-guardian.ts')).revokePayerCommand,
  },
  {
    usage: 'program terms <program>',
    about: 'change its payer, its budget or its gas, through the timelock; the rest stays',
    example: './muster program terms manual --capacity 500',
    options: [
      option('--payer <address>', 'who signs its batches'),
      option('--capacity <amount>', 'the most that can leave at once'),
      option('--per-day <amount>', 'by how much the budget refills'),
      option('--stipend <gas>', 'gas a payee gets'),
      option('--max-refused <n>', 'refusals after which a batch stops'),
    ],
    load: async () => (await import('./programs.ts')).setTermsCommand,
  },
  {
    usage: 'program set <program>',
    about:
      'whom a settlement pays: minimum, cap, whole units, and from how many payees on they claim',
    example: './muster program set manual --minimum 0.5 --cap 1000',
    options: [
      option('--minimum <amount>', 'less than this waits for more'),
      option('--cap <amount>', 'the most of one payout, or none; what is above waits'),
      option('--unit <amount>', 'a payout is a multiple of it; the rest carries'),
      option(
        '--push-up-to <n>',
        'payees that are paid; more than that claim. own: as the program has it',
      ),
      option('--keeper-pays <yes|no>', 'claims: the keeper pays ranges of them itself'),
    ],
    load: async () => (await import('./program-settings.ts')).setProgramCommand,
  },
  {
    usage: 'program pay <program>',
    about: 'settle what it has awarded and pay what is owed; safe to run again',
    example: './muster program pay partners',
    load: async () => (await import('./program-pay.ts')).payProgramCommand,
  },
  {
    usage: 'program list',
    about: 'every program: its money, what it owes, what is on its way, and what is set',
    example: './muster program list',
    load: async () => (await import('./program-list.ts')).listProgramsCommand,
  },
  {
    usage: 'program pause',
    about: 'guardian: stop the batches of all programs for a while, at once; claims go on',
    example: './muster program pause --hours 24',
    options: [option('--hours <n>', '1 to 72', '24')],
    load: async () => (await import('./program-guardian.ts')).pauseProgramsCommand,
  },
  {
    usage: 'program unpause',
    about: 'guardian: end that pause',
    example: './muster program unpause',
    load: async () => (await import('./program-guardian.ts')).unpauseProgramsCommand,
  },
  {
    usage: 'payout',
    about: 'pay what a CSV lists (reference,address,amount,reason); safe to run again',
    example: './muster payout --file pay.csv',
    options: [
      option('--file <csv>', 'the reference is the key: each is paid once').makeOptionMandatory(),
      option('--payments <n>', 'payments in one batch (default: as many as fit a transaction)'),
      option('--method <how>', 'push, claim, or auto: as the program is set (default)'),
    ],
    load: async () => (await import('./payout.ts')).payoutCommand,
  },
]
