import { KeeperError } from '../base/errors.ts'
import { openContracts, readDeployment } from '../chain/contracts.ts'
import { payoutsFace } from '../chain/program-contracts.ts'
import { openChain } from '../chain/rpc/client.ts'
import type { ChainClient } from '../chain/rpc/client.ts'
import { readReceiptOf } from '../payouts/why-receipt.ts'
import type { ReceiptOf } from '../payouts/why-receipt.ts'
import { explain } from '../payouts/why.ts'
import type { Why } from '../payouts/why.ts'
import { reachPayees } from '../payouts/wallets/reach.ts'
import { explainShare } from '../validators/why-share.ts'
import type { Report } from './command.ts'
import { officeCommand } from './office.ts'
import type { Office, OfficeOrder } from './office.ts'
import { paymentLines, shareLines } from './why-lines.ts'
import { tellStories } from './why-programs.ts'

/** From fact to transaction: an award or payout of a program, or a validator's share of a cycle. */
export const whyOrder: OfficeOrder = async (office, [ref = '', cycle]) => {
  const { rpcUrl, chainId, rpcTimeoutMs } = office.config
  const client = await openChain({ rpcUrl, chainId, timeoutMs: rpcTimeoutMs })
  try {
    return cycle === undefined
      ? await whyPayment(office, client, ref)
      : await whyShare(office, client, { name: ref, cycle: cycleOf(cycle) })
  } finally {
    client.close()
  }
}

export const whyCommand = officeCommand('why', whyOrder)

function cycleOf(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new KeeperError('USAGE', { what: `"${text}" is no cycle`, command: 'why' })
}

/** How a payment stands now, beside what became of it. */
export interface WhyNow {
  receipts: (ReceiptOf | undefined)[]
  /** Why the payee is not paid now; undefined: nothing keeps it. */
  kept: string | undefined
}

async function whyPayment(
  { db, clock }: Office,
  client: ChainClient,
  ref: string,
): Promise<Report> {
  const why = await explain(db, ref)
  const { program, payee } = why
  const reached = (await reachPayees(db, program, [payee], clock.now())).get(payee)
  const isOpen = why.payout === undefined || why.payout.state === 'owed'
  const kept = isOpen && reached && 'kept' in reached ? reached.kept : undefined
  const now = { receipts: await receiptsOf(client, why), kept }
  const stories = await tellStories(db, why)
  const told = stories.map(({ ref: of, told: story }) => ({ of, ...story }))
  const json = { ...why, ...now, ...(told.length > 0 ? { stories: told } : {}) }
  return { json, lines: paymentLines(why, now, stories) }
}

async function receiptsOf(client: ChainClient, { payout }: Why): Promise<WhyNow['receipts']> {
  const receipts: WhyNow['receipts'] = []
  for (const { batch, payment, journal } of payout?.sent ?? []) {
    const isHere = batch.chainId === client.chainId && journal?.hash !== undefined
    const { contract } = batch
    const asked = { hash: journal?.hash ?? '0x', contract, position: payment.position } as const
    receipts.push(isHere ? await readReceiptOf(client, payoutsFace(), asked) : undefined)
  }
  return receipts
}

async function whyShare(
  { db, config }: Office,
  client: ChainClient,
  asked: { name: string; cycle: number },
): Promise<Report> {
  const deployment = await readDeployment(config.deploymentsDir, client.chainId)
  const contracts = await openContracts(client, deployment)
  const share = await explainShare({ client, contracts }, db, asked)
  return { json: share, lines: shareLines(share, deployment) }
}
