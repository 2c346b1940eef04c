import { existsSync } from 'node:fs'
import { askKeeper } from '../api/control.ts'
import { isKeeperError } from '../base/errors.ts'
import type { TxRecord } from '../chain/journal/journal-rows.ts'
import { openKey } from '../chain/keys/open-key.ts'
import { readKeystoreAddress } from '../chain/keys/signer.ts'
import { ROLES } from '../config.ts'
import type { Role } from '../config.ts'
import { openStore } from '../store/open-store.ts'
import type { Report, Run } from './command.ts'
import { giveOrder } from './desk.ts'
import type { Desk, OrderName } from './desk.ts'
import { requireTx } from './desk-rows.ts'
import { LOCAL_CHAIN_ID, testAddress } from './local-accounts.ts'
import { openSenders, openSession, openSigner } from './session.ts'
import type { Senders } from './session.ts'

type Handler = (run: Run, options: Record<string, unknown>, args: string[]) => Promise<Report>

/** An order goes to the running keeper of this home; without one it is carried out here. */
export function orderCommand(name: OrderName): Handler {
  return async (run, options, args) => {
    const given = flagsOf(options)
    try {
      const answer = await askKeeper(run.config.home, { name, args, options: given }, run.signal)
      if (answer) return answer
    } catch (error) {
      // A key that the keeper does not have may be opened beside it, where the store allows two.
      const mayHere =
        isKeeperError(error, 'SENDER_NOT_OPEN') && run.config.databaseUrl !== undefined
      if (!mayHere) throw error
    }
    return carryOutHere(run, name, args, given)
  }
}

function flagsOf(options: Record<string, unknown>): Record<string, unknown> {
  const names = ['abandon', 'dryRun'].filter((name) => options[name] === true)
  return Object.fromEntries(names.map((name) => [name, true]))
}

async function carryOutHere(
  run: Run,
  name: OrderName,
  args: string[],
  options: Record<string, unknown>,
): Promise<Report> {
  const session = await openSession(run)
  const { client } = session
  const { config, clock } = run
  const db = await openStore({ ...config, clock }).catch(async (error: unknown) => {
    await session.close()
    throw error
  })
  let opened: Senders | undefined
  try {
    // There is nothing here to drain, and a dry run signs nothing.
    const needsKeys = name !== 'drain' && options['dryRun'] !== true
    const desk = { db, client, senders: [], config, clock }
    if (!needsKeys) return await giveOrder(desk, name, args, options)
    opened = await openKeys(run, desk, args[0])
    return await giveOrder({ ...desk, senders: opened.senders }, name, args, options)
  } finally {
    await opened?.close()
    await db.close()
    await session.close()
  }
}

/** Before a key is opened, what it is for is looked up: a wrong id asks for no password. */
async function openKeys(run: Run, desk: Desk, name?: string): Promise<Senders> {
  const { db, client } = desk
  const tx = name === undefined ? undefined : await requireTx(desk, name)
  const signers = []
  for (const role of await rolesFor(run, client.chainId, tx)) {
    signers.push(await openSigner(run, role, client.chainId))
  }
  return openSenders(run, { db, client, signers })
}

/** The key that sent the transaction; without one, the two that the keeper signs with. */
async function rolesFor(run: Run, chainId: number, tx?: TxRecord): Promise<Role[]> {
  if (!tx) return ['reporter', 'keeper']
  for (const role of ROLES) {
    if ((await addressOf(run, role, chainId)) === tx.sender) return [role]
  }
  return []
}

async function addressOf(run: Run, role: Role, chainId: number): Promise<string | undefined> {
  const key = run.config.keys[role]
  const { keystore, signer } = key
  if (signer.kind !== 'keystore') return (await openKey(key, run.config)).address
  if (existsSync(keystore)) return readKeystoreAddress(keystore)
  return chainId === LOCAL_CHAIN_ID ? testAddress(role) : undefined
}
