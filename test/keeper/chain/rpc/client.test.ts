import { createServer } from 'node:http'
import type { Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import { Contract } from 'ethers'
import { scrubUrls } from '../../../../keeper/base/redact-url.ts'
import type { Address } from '../../../../keeper/base/schema.ts'
import { faultOf, openChain, requireCode } from '../../../../keeper/chain/rpc/client.ts'
import { placeCounter, placeReverter, startNode } from '../../../helpers/chain.ts'
import type { TestNode } from '../../../helpers/chain.ts'
import { rejectionOf } from '../../../helpers/errors.ts'

const NOBODY: Address = '0x52908400098527886E0F7030069857D2E4169EE7'

describe('the client of the chain', function () {
  this.timeout(30_000)
  let node: TestNode
  before(async () => {
    node = await startNode()
  })
  after(() => node.close())

  it('S-26 a node on another chain is refused with exit code 78', async () => {
    const refusal = await rejectionOf(openChain({ rpcUrl: node.url, chainId: 1, timeoutMs: 5_000 }))
    expect(refusal.code).to.equal('CHAIN_ID_WRONG')
    expect(refusal.facts).to.include({ url: scrubUrls(node.url), found: 31_337, expected: 1 })
    expect(refusal.exitCode).to.equal(78)
  })

  it('S-26 an address without code is refused with exit code 78', async () => {
    const refusal = await rejectionOf(requireCode(node.client, NOBODY, 'ValidatorRewards'))
    expect(refusal.code).to.equal('NO_CODE')
    expect(refusal.exitCode).to.equal(78)
    await requireCode(node.client, await placeCounter(node), 'Counter')
  })

  it('reads block, nonce, balance and an unknown receipt', async () => {
    expect(await node.client.block('latest')).to.include({
      number: await node.client.blockNumber(),
    })
    expect(await node.client.block(1_000_000)).to.equal(undefined)
    expect(await node.client.nonceOf(NOBODY)).to.equal(0)
    expect(await node.client.balanceOf(NOBODY)).to.equal(0n)
    expect(await node.client.receipt(`0x${'00'.repeat(32)}`)).to.equal(undefined)
  })

  it("a custom error reaches ethers' contracts through the provider", async () => {
    const abi = ['function f(uint256) view', 'error TooEarly(uint256 cycle)']
    const contract = new Contract(await placeReverter(node), abi, node.client.provider)
    const data = contract.interface.encodeErrorResult('TooEarly', [7])
    const call = node.client.provider.call({ to: contract.target, data })
    const error = (await call.catch((fault: unknown) => fault)) as { data?: string }
    expect(error.data).to.equal(data)
  })
})

describe('a node with a fault', () => {
  let server: Server
  let url: string
  let answer: (response: ServerResponse, id: number) => void
  before(async () => {
    server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        answer(response, (JSON.parse(Buffer.concat(chunks).toString()) as { id: number }).id)
      })
    })
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    url = `http://user:s3cretpassword@127.0.0.1:${(server.address() as AddressInfo).port}/v3/0123456789abcdef0123`
  })
  after(() => {
    server.closeAllConnections()
    server.close()
  })

  const ask = () => rejectionOf(openChain({ rpcUrl: url, timeoutMs: 300 }))

  const FAULTS: [string, typeof answer][] = [
    ['hangs', () => {}],
    ['answers 502 with HTML', (response) => void response.writeHead(502).end('<html>bad</html>')],
    ['answers HTML with 200', (response) => void response.end('<html>hello</html>')],
    ['is cut off', (response) => void response.end('{"jsonrpc":"2.0","id":1,"resu')],
    [
      'answers another request',
      (response, id) =>
        void response.end(JSON.stringify({ jsonrpc: '2.0', id: id + 1, result: '0x1' })),
    ],
    ['answers null', (response) => void response.end('null')],
    ['closes the connection', (response) => void response.destroy()],
  ]
  for (const [what, fault] of FAULTS) {
    it(`S-31 S-48 one that ${what} is unavailable within the deadline, and no secret is told`, async () => {
      answer = fault
      const refusal = await ask()
      expect(refusal.code).to.equal('RPC_UNAVAILABLE')
      expect(refusal.exitCode).to.equal(69)
      const told = `${refusal.message} ${JSON.stringify(refusal.facts)} ${refusal.wayOut}`
      expect(told).not.to.match(/s3cret|0123456789abcdef/)
    })
  }

  it('a refusal with status 400 and a JSON-RPC body keeps its meaning', async () => {
    answer = (response, id) => {
      const error = { code: -32_000, message: 'nonce too low' }
      response.writeHead(400).end(JSON.stringify({ jsonrpc: '2.0', id, error }))
    }
    expect(faultOf(await ask())).to.equal('nonce-too-low')
  })
})
