import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { Transaction, Wallet } from 'ethers'
import type { Address, Hex } from '../../../keeper/base/schema.ts'
import {
  createKeystore,
  openKeystore,
  readKeystoreAddress,
  walletSigner,
} from '../../../keeper/chain/signer.ts'
import { checkSigned, toTransaction } from '../../../keeper/chain/unsigned.ts'
import type { UnsignedTx } from '../../../keeper/chain/unsigned.ts'
import { TEST_KEYS } from '../../helpers/chain.ts'
import { codeOf, rejectionOf } from '../../helpers/errors.ts'

const unsigned: UnsignedTx = {
  chainId: 31_337,
  nonce: 7,
  to: '0x52908400098527886E0F7030069857D2E4169EE7',
  data: '0x1234',
  value: 5n,
  gasLimit: 100_000n,
  maxFeePerGas: 10n,
  maxPriorityFeePerGas: 1n,
}

describe('the keystore signer', function () {
  this.timeout(30_000)
  let dir: string
  let file: string
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'muster-keys-'))
    file = join(dir, 'keys', 'keeper.json')
    await createKeystore({ file, password: 'a good password', light: true })
  })
  after(() => rm(dir, { recursive: true }))

  it('Z-46 a created keystore opens with its password and signs with its address', async () => {
    const signer = await openKeystore({ file, password: 'a good password' })
    expect(await readKeystoreAddress(file)).to.equal(signer.address)
    const { hash } = checkSigned(await signer.signTransaction(unsigned), unsigned, signer.address)
    expect(hash).to.match(/^0x[0-9a-f]{64}$/)
  })

  it('the file is readable by its owner alone, holds no key, and is never overwritten', async () => {
    expect((await stat(file)).mode & 0o777).to.equal(0o600)
    const privateKey = TEST_KEYS[0]
    const other = join(dir, 'other.json')
    await createKeystore({ file: other, password: 'a good password', privateKey, light: true })
    expect(await readFile(other, 'utf8')).not.to.include(privateKey.slice(2))
    const again = createKeystore({ file, password: 'a good password', light: true })
    expect((await rejectionOf(again)).code).to.equal('KEYSTORE_EXISTS')
  })

  it('S-48 a wrong password is refused without being told', async () => {
    const refusal = await rejectionOf(openKeystore({ file, password: 'a wrong password' }))
    expect(refusal.code).to.equal('PASSWORD_WRONG')
    expect(refusal.exitCode).to.equal(77)
    expect(JSON.stringify(refusal) + refusal.message).not.to.include('a wrong password')
  })

  it('a missing file and one that is no keystore are unreadable', async () => {
    const text = join(dir, 'text.json')
    await writeFile(text, '{"hello": 1}')
    for (const path of [text, join(dir, 'none.json')]) {
      const refusal = await rejectionOf(openKeystore({ file: path, password: 'x' }))
      expect(refusal.code).to.equal('KEYSTORE_UNREADABLE')
    }
  })
})

describe('what a signer returns', () => {
  const signer = walletSigner(TEST_KEYS[0])
  const check = (raw: Hex, sender: Address = signer.address): unknown =>
    checkSigned(raw, unsigned, sender)

  it('S-25 a signature by another key is refused', async () => {
    const raw = await walletSigner(TEST_KEYS[1]).signTransaction(unsigned)
    expect(codeOf(() => check(raw))).to.equal('SIGNATURE_WRONG')
  })

  it('S-25 any changed field is refused', async () => {
    const changes: Partial<UnsignedTx>[] = [
      { chainId: 1 },
      { nonce: 8 },
      { to: signer.address },
      { data: '0x1235' },
      { value: 6n },
      { gasLimit: 100_001n },
      { maxFeePerGas: 11n },
      { maxPriorityFeePerGas: 2n },
    ]
    for (const change of changes) {
      const raw = await signer.signTransaction({ ...unsigned, ...change })
      expect(
        codeOf(() => check(raw)),
        JSON.stringify(Object.keys(change)),
      ).to.equal('SIGNATURE_WRONG')
    }
  })

  it('S-25 another type, an unsigned one and bytes that are no transaction are refused', async () => {
    const { maxFeePerGas: _cap, maxPriorityFeePerGas: _tip, ...rest } = unsigned
    const legacy = await new Wallet(TEST_KEYS[0]).signTransaction(
      Transaction.from({ ...rest, type: 0, gasPrice: 10n }),
    )
    const raws = [legacy, toTransaction(unsigned).unsignedSerialized, '0x02c0', '0x1234'] as Hex[]
    for (const raw of raws)
      expect(
        codeOf(() => check(raw)),
        raw,
      ).to.equal('SIGNATURE_WRONG')
  })
})
