import { option } from './command-row.ts'
import type { CommandRow } from './command-row.ts'

export const intakePortOption = option(
  '--intake-port <port>',
  'where nodes beat (MUSTER_INTAKE_PORT)',
)

/** Where the nodes' beats arrive. */
export const INTAKE: readonly CommandRow[] = [
  {
    usage: 'intake',
    about: 'takes beats and pushes the hours, with the reporter key alone: a monitor of its own',
    example: './muster intake --intake-port 8600 --home .muster-intake',
    options: [intakePortOption],
    load: async () => (await import('./intake.ts')).intakeCommand,
  },
  {
    usage: 'intake status',
    about: 'nodes that are connected, what was refused, and the last hours with their pushes',
    example: './muster intake status --json',
    load: async () => (await import('./intake-status.ts')).intakeStatusCommand,
  },
]
