import { expect } from 'chai'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Wallet } from 'ethers'
import { systemClock } from '../../../keeper/base/time.ts'
import { openChain } from '../../../keeper/chain/rpc/client.ts'
import { testKey } from '../../../keeper/commands/local-accounts.ts'
import { startLocalChain, stateFileOf } from '../../../keeper/commands/local-chain.ts'
import type { LocalChain } from '../../../keeper/commands/local-chain.ts'
import { runCli } from '../../helpers/cli.ts'
import { rejectionOf } from '../../helpers/errors.ts'

const SOME_DATE = Date.UTC(2024, 10, 22) / 1000

describe('the local chain', function () {
  this.timeout(30_000)
  let dir: string
  let chain: LocalChain | undefined

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'muster-chain-'))
  })

  afterEach(async () => {
    await chain?.close()
    chain = undefined
    rmSync(dir, { recursive: true, force: true })
  })

  async function start(initialDate?: number): Promise<LocalChain> {
    const options = { port: 0, stateDir: dir, clock: systemClock }
    chain = await startLocalChain(initialDate === undefined ? options : { ...options, initialDate })
    return chain
  }

  async function stop(): Promise<void> {
    await chain?.close()
    chain = undefined
  }

  async function request<T>(url: string, method: string, params: unknown[] = []): Promise<T> {
    const client = await openChain({ rpcUrl: url, timeoutMs: 10_000 })
    try {
      return await client.request<T>(method, params)
    } finally {
      client.close()
    }
  }

  async function pay(url: string, to: string, nonce: number): Promise<string> {
    const wallet = new Wallet(testKey('deployer'))
    const fees = { maxFeePerGas: 10n ** 10n, maxPriorityFeePerGas: 1n }
    const tx = { to, nonce, value: 7n, gasLimit: 21_000n, chainId: 31_337, type: 2, ...fees }
    return request(url, 'eth_sendRawTransaction', [await wallet.signTransaction(tx)])
  }

  const PAYEE = '0x00000000000000000000000000000000000000aa'
  const OTHER = '0x00000000000000000000000000000000000000bb'

  it('keeps blocks, hashes, balances and its own year over a restart', async () => {
    const first = await start(SOME_DATE)
    const hash = await pay(first.url, PAYEE, 0)
    await request(first.url, 'evm_setNextBlockTimestamp', [SOME_DATE + 5_000])
    await request(first.url, 'evm_mine')
    await request(first.url, 'hardhat_mine', ['0x3'])
    await request(first.url, 'hardhat_setBalance', [OTHER, '0x5'])
    const before = await request<{ hash: string }>(first.url, 'eth_getBlockByNumber', [
      'latest',
      false,
    ])
    await stop()

    const second = await start()
    const after = await request<{ hash: string }>(second.url, 'eth_getBlockByNumber', [
      'latest',
      false,
    ])

    expect(second.replayed).to.equal(5)
    expect(after.hash).to.equal(before.hash)
    expect(await request(second.url, 'eth_getTransactionReceipt', [hash])).to.have.property(
      'status',
      '0x1',
    )
    expect(await request(second.url, 'eth_getBalance', [PAYEE, 'latest'])).to.equal('0x7')
    expect(await request(second.url, 'eth_getBalance', [OTHER, 'latest'])).to.equal('0x5')
    await pay(second.url, PAYEE, 1)
    const head = await request<{ timestamp: string }>(second.url, 'eth_getBlockByNumber', [
      'latest',
      false,
    ])
    expect(Number(head.timestamp)).to.be.within(SOME_DATE + 5_000, SOME_DATE + 6_000)
  })

  it('drops a block that was being written when the power went, and goes on', async () => {
    const first = await start(SOME_DATE)
    await pay(first.url, PAYEE, 0)
    await stop()
    appendFileSync(stateFileOf(dir), '{"block":{"number":2,"ti')

    const second = await start()
    expect(second.replayed).to.equal(1)
    await pay(second.url, PAYEE, 1)
    await stop()

    expect((await start()).replayed).to.equal(2)
  })

  it('refuses a state that replays to another hash', async () => {
    const first = await start(SOME_DATE)
    await pay(first.url, PAYEE, 0)
    await stop()
    const file = stateFileOf(dir)
    const changed = readFileSync(file, 'utf8').replace(
      /"timestamp":(\d+)(?=,"hash":"0x\w+","prevRandao)/,
      '"timestamp":1732300000',
    )
    writeFileSync(file, changed)

    expect((await rejectionOf(start())).code).to.equal('CHAIN_STATE_DIVERGED')
  })

  it('refuses a state file that is not one', async () => {
    writeFileSync(stateFileOf(dir), 'not json\n')

    expect((await rejectionOf(start())).code).to.equal('CHAIN_STATE_BROKEN')
  })

  it('refuses calls that it could not repeat after a restart', async () => {
    const { url } = await start(SOME_DATE)

    const refusal = await rejectionOf(request(url, 'evm_snapshot'))

    expect(refusal.code).to.equal('RPC_REFUSED')
    expect(refusal.message).to.contain('evm_snapshot')
  })

  it('refuses a second chain on the same state, exit 75', async () => {
    await start(SOME_DATE)

    const second = await runCli(['chain', '--port', '0', '--state', dir, '--json'])

    expect(second.json['error']).to.have.property('code', 'STORE_LOCKED')
    expect(second.code).to.equal(75)
  })

  it('refuses a busy port, exit 69', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await new Promise((done) => server.once('listening', done))
    const { port } = server.address() as AddressInfo

    const outcome = await runCli(['chain', '--port', String(port), '--memory', '--json'])
    server.close()

    expect(outcome.json['error']).to.have.property('code', 'PORT_BUSY')
    expect(outcome.code).to.equal(69)
  })
})
