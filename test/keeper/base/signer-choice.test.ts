import { expect } from 'chai'
import { parseSigner } from '../../../keeper/base/signer-choice.ts'

const ADDRESS = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'
const PRIVATE_KEY = `0x${'ab'.repeat(32)}`

describe('where a key is', () => {
  it('is a keystore unless told otherwise', () => {
    expect(parseSigner()).to.deep.equal({ choice: { kind: 'keystore' } })
    expect(parseSigner('keystore')).to.deep.equal({ choice: { kind: 'keystore' } })
  })

  it('may be a URL with the public key or address, or a KMS key with or without', () => {
    const url = 'https://signer.example/eth'
    expect(parseSigner(url, ADDRESS)).to.deep.equal({
      choice: { kind: 'web3signer', url, key: ADDRESS },
    })
    const arn = 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd'
    expect(parseSigner(`aws-kms:${arn}`)).to.deep.equal({
      choice: { kind: 'aws-kms', keyId: arn },
    })
    expect(parseSigner('aws-kms:alias/keeper', ADDRESS)).to.deep.equal({
      choice: { kind: 'aws-kms', keyId: 'alias/keeper', key: ADDRESS },
    })
  })

  it('S-48 a wrong choice is refused without repeating it, a private key most of all', () => {
    const wrong: [string | undefined, string | undefined][] = [
      ['ftp://signer', ADDRESS],
      ['https://', ADDRESS],
      ['https://signer.example', undefined],
      ['https://signer.example/?token=canary', ADDRESS],
      ['vault', undefined],
      ['aws-kms:', undefined],
      ['aws-kms:a key', undefined],
      ['https://signer.example', PRIVATE_KEY],
      ['aws-kms:alias/keeper', PRIVATE_KEY],
      [undefined, ADDRESS],
      [PRIVATE_KEY, undefined],
    ]
    for (const [signer, key] of wrong) {
      const parsed = parseSigner(signer, key)
      expect(parsed, `${signer} ${key}`).to.have.property('fault')
      expect(JSON.stringify(parsed)).not.to.match(/abab|canary/)
    }
  })
})
