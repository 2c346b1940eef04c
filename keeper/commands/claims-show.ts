import { KeeperError } from '../base/errors.ts'
import { addressSchema, parseWith } from '../base/schema.ts'
import type { Address, Hex } from '../base/schema.ts'
import { isoTime } from '../base/time.ts'
import { openProgramContracts } from '../chain/program-contracts.ts'
import type { ProgramContracts } from '../chain/program-contracts.ts'
import { knownProgram } from '../jobs/queue/program-list.ts'
import { openClaims } from '../payouts/claims/claims-contract.ts'
import type { ClaimsContract } from '../payouts/claims/claims-contract.ts'
import { readBooked, readChainClaims } from '../payouts/claims/status.ts'
import type { BookedState, ChainClaims } from '../payouts/claims/status.ts'
import { readTreeFile, treePath } from '../payouts/claims/tree-file.ts'
import type { ClaimsTree } from '../payouts/claims/tree.ts'
import { verifyFile } from '../payouts/claims/verify-file.ts'
import type { FileVerdict } from '../payouts/claims/verify-file.ts'
import type { Report, Run } from './command.ts'
import { withStore } from './ledger.ts'
import { claimsDirOf } from './payout.ts'
import { money, plural, shownTime, table } from './print.ts'
import type { Asset } from './print.ts'
import { openClient, openSession } from './session.ts'

interface Reading {
  contract: ClaimsContract
  contracts: ProgramContracts
}

/** The recorded claims contract of a program; nothing is sent. */
async function withReading<T>(
  run: Run,
  name: string,
  work: (reading: Reading) => Promise<T>,
): Promise<T> {
  const { number } = knownProgram(name)
  const session = await openSession(run)
  try {
    const { client } = session
    const contracts = await openProgramContracts(client, session.contracts.deployment)
    const { claims, payouts } = contracts.deployment
    const address = claims?.[name]
    if (address === undefined) throw new KeeperError('CLAIMS_NOT_DEPLOYED', { program: name })
    const contract = await openClaims(client, {
      contract: address,
      program: number,
      payouts: contracts.address,
      deployBlock: payouts?.deployBlock ?? 0,
    })
    return await work({ contract, contracts })
  } finally {
    await session.close()
  }
}

export async function claimsStatusCommand(
  run: Run,
  _options: object,
  [name = '']: string[],
): Promise<Report> {
  return withReading(run, name, async ({ contract, contracts: { unit } }) => {
    const dir = claimsDirOf(run)
    const chain = await readChainClaims(contract)
    const { chainId, contract: address } = contract.home
    const desk = { contract, place: { chainId, address }, dir }
    const booked = await withStore(run, (db) => readBooked(db, name, desk))
    const fileOf = (root: Hex): string => treePath(dir, contract.home, root)
    const { leaves, owed, last } = booked
    return {
      json: {
        program: name,
        contract: address,
        chain: {
          ...chain,
          ...(chain.root ? { file: fileOf(chain.root) } : {}),
          waiting: chain.waiting && { ...chain.waiting, file: fileOf(chain.waiting.root) },
        },
        booked: { ...leaves, outstanding: leaves.total - leaves.claimed, owed, last },
      },
      lines: [
        `Claims of ${name} at ${address}`,
        ...table(['what', 'value'], rowsOf({ chain, booked, unit, fileOf })),
      ],
    }
  })
}

interface Shown {
  chain: ChainClaims
  booked: BookedState
  unit: Asset
  fileOf(root: Hex): string
}

const HOUR = 3_600
const FOREIGN = [
  '  BEWARE',
  'this store has not proposed it: compare its file, or muster claims veto',
]

function rowsOf({ chain, booked, unit, fileOf }: Shown): [string, string][] {
  const { root, asideUntil, waiting, delay } = chain
  const { leaves, owed, last } = booked
  return [
    ['delay', `${delay / HOUR} h`],
    ['root in force', root ?? 'none yet'],
    ...(root ? ([['  its tree', fileOf(root)]] as [string, string][]) : []),
    ...(asideUntil === undefined
      ? []
      : ([['set aside until', shownTime(asideUntil)]] as [string, string][])),
    ...(waiting
      ? ([
          ['root that rests', waiting.root],
          ...(last?.root === waiting.root ? [] : [FOREIGN]),
          ['  its tree', fileOf(waiting.root)],
          ['  may be accepted', `from ${shownTime(waiting.readyAt)} on`],
        ] as [string, string][])
      : []),
    ...(last?.state === 'vetoed' ? ([['vetoed', last.root]] as [string, string][]) : []),
    ['leaves', String(leaves.leaves)],
    ['claimed (booked)', money(leaves.claimed, unit)],
    ['outstanding', money(leaves.total - leaves.claimed, unit)],
    ['owed, not in a root', `${plural(owed.payouts, 'payout')} of ${money(owed.amount, unit)}`],
  ]
}

/** What a payee sends by itself to be paid: from the published file, and checked against the chain. */
export async function claimsProofCommand(
  run: Run,
  { file }: { file?: string },
  [name = '', text = '']: string[],
): Promise<Report> {
  const account = parseWith(addressSchema, text, 'address')
  return withReading(run, name, async ({ contract, contracts: { unit } }) => {
    const { root, asideUntil } = await readChainClaims(contract)
    if (root === undefined) {
      throw new KeeperError('CLAIMS_ROOT_MISSING', { program: name, what: 'root in force' })
    }
    const path = file ?? treePath(claimsDirOf(run), contract.home, root)
    const tree = await readTreeFile(path, { home: contract.home, root })
    const leaf = tree.proofOf(account)
    if (leaf === undefined) throw new KeeperError('CLAIMS_LEAF_UNKNOWN', { account, file: path })
    const claimed = await contract.claims.claimedOf(account)
    const { cumulative, proof } = leaf
    const open = cumulative - claimed
    const face = contract.claims.interface
    const calls = {
      claim: face.encodeFunctionData('claim', [cumulative, proof, account]),
      claimFor: face.encodeFunctionData('claimFor', [account, cumulative, proof]),
    }
    const facts = { account, contract: contract.home.contract, root, cumulative, claimed, open }
    return {
      json: { program: name, ...facts, proof, calls, ...(asideUntil ? { asideUntil } : {}) },
      lines: [
        `${account} has ${money(cumulative, unit)} in ${root}, ${money(claimed, unit)} of it claimed`,
        `  claim(${cumulative}, proof, to) at ${contract.home.contract}; open: ${money(open, unit)}`,
        ...proof.map((node) => `  ${node}`),
        'Anybody may send this for it, to its own address (claimFor):',
        `  ${calls.claimFor}`,
        ...(asideUntil ? [`Set aside by the guardian until ${shownTime(asideUntil)}`] : []),
      ],
    }
  })
}

/** A file against the chain, by anybody: without our store and without our deployment file. */
export async function verifyClaimsCommand(
  run: Run,
  { previous }: { previous?: string },
  [path = '']: string[],
): Promise<Report> {
  const tree = await readTreeFile(path)
  const before = previous === undefined ? undefined : await readTreeFile(previous)
  const client = await openClient(run)
  try {
    const { chainId, contract: address, program } = tree.home
    if (client.chainId !== chainId) {
      throw new KeeperError('CLAIMS_FILE_INVALID', {
        file: path,
        faults: [`it is of chain ${chainId}, the endpoint is of chain ${client.chainId}`],
      })
    }
    const contract = await openClaims(client, { contract: address, program, deployBlock: 0 })
    const payouts = (await contract.claims.PAYOUTS()) as Address
    const verdict = await verifyFile(contract, tree, before)
    return reportOf(tree, payouts, verdict)
  } finally {
    client.close()
  }
}

const STANDING: Record<FileVerdict['standing'], string> = {
  'in-force': 'it is in force',
  proposed: 'it is proposed and rests',
  replaced: 'it was in force; a later one is now',
  vetoed: 'the guardian has vetoed it',
  unknown: 'the contract does not know it',
}

function reportOf(tree: ClaimsTree, payouts: Address, verdict: FileVerdict): Report {
  const { standing, readyAt, faults, claimed } = verdict
  const { home, root, total, leaves } = tree
  const ok = faults.length === 0
  const json = { ok, ...home, payouts, root, total, leaves: leaves.length, standing, faults }
  return {
    json: {
      ...json,
      ...(readyAt === undefined ? {} : { readyAt }),
      ...(claimed === undefined ? {} : { claimed }),
    },
    exitCode: ok ? 0 : 1,
    lines: [
      `${root}: ${plural(leaves.length, 'leaf', 'leaves')}, ${total} in the smallest unit`,
      `  of program ${home.program} at ${home.contract}, fed by ${payouts}`,
      `  ${STANDING[standing]}${readyAt === undefined ? '' : `; it may be accepted from ${isoTime(readyAt)} on`}`,
      ...(claimed === undefined ? [] : [`  claimed so far: ${claimed}`]),
      ...(ok ? ['the file is what the chain says'] : faults.map((fault) => `  - ${fault}`)),
    ],
  }
}
