import { existsSync } from 'node:fs'
import { askKeeper } from '../api/control.ts'
import type { EndpointStatus } from '../chain/endpoint.ts'
import { findTx } from '../chain/journal-queries.ts'
import { readKeystoreAddress } from '../chain/signer.ts'
import { ROLES } from '../config.ts'
import type { Role } from '../config.ts'
import { openStore } from '../store/open-store.ts'
import type { Db } from '../store/db.ts'
import type { Report, Run } from './command.ts'
import { ORDERS } from './desk.ts'
import type { OrderName } from './desk.ts'
import { LOCAL_CHAIN_ID, testAddress } from './local-accounts.ts'
import { openSenders, openSession, openSigner } from './session.ts'
import type { Senders } from './session.ts'

type Handler = (run: Run, options: Record<string, unknown>, args: string[]) => Promise<Report>

/** An order goes to the running keeper of this home; without one it is carried out here. */
export function orderCommand(name: OrderName): Handler {
  return async (run, options, args) => {
    const given = options['abandon'] === true ? { abandon: true } : {}
    const answer = await askKeeper(run.config.home, { name, args, options: given }, run.signal)
    return answer ?? carryOutHere(run, name, args, given)
  }
}

async function carryOutHere(
  run: Run,
  name: OrderName,
  args: string[],
  options: Record<string, unknown>,
): Promise<Report> {
  const session = await openSession(run)
  const { client } = session
  const db = await openStore({ ...run.config, clock: run.clock }).catch(async (error: unknown) => {
    await session.close()
    throw error
  })
  let opened: Senders | undefined
  try {
    const { chainId } = client
    const signers = []
    for (const role of await rolesFor(run, db, chainId, args[0])) {
      signers.push(await openSigner(run, role, chainId))
    }
    opened = await openSenders(run, { db, client, signers })
    const { config, clock } = run
    const endpoints = (): EndpointStatus[] => client.endpoints()
    const desk = { db, senders: opened.senders, chainId, config, clock, endpoints }
    return await ORDERS[name](desk, args, options)
  } finally {
    await opened?.close()
    await db.close()
    await session.close()
  }
}

/** The key that sent the transaction; without one, the two that the keeper signs with. */
async function rolesFor(run: Run, db: Db, chainId: number, name?: string): Promise<Role[]> {
  const tx = name === undefined ? undefined : await findTx(db, name)
  if (!tx) return ['reporter', 'keeper']
  for (const role of ROLES) {
    if ((await addressOf(run, role, chainId)) === tx.sender) return [role]
  }
  return []
}

async function addressOf(run: Run, role: Role, chainId: number): Promise<string | undefined> {
  const { keystore } = run.config.keys[role]
  if (existsSync(keystore)) return readKeystoreAddress(keystore)
  return chainId === LOCAL_CHAIN_ID ? testAddress(role) : undefined
}
