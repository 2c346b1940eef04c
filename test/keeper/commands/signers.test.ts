import { expect } from 'chai'
import { testAddress, testKey } from '../../../keeper/commands/local-accounts.ts'
import { noteSecret } from '../../helpers/canaries.ts'
import type { Outcome, Site } from '../../helpers/cli.ts'
import { FIRST_CUT, HOUR, openSite, runCli } from '../../helpers/cli.ts'
import { AWS_CANARIES, KMS_KEY_ID, startKms } from '../../helpers/kms.ts'
import type { Service } from '../../helpers/signer-service.ts'
import { startWeb3Signer } from '../../helpers/web3signer.ts'
import type { Web3SignerDouble } from '../../helpers/web3signer.ts'

const TOKEN = noteSecret('canary-token-of-the-signer')

describe('keys that are kept elsewhere, at the command line', function () {
  this.timeout(120_000)
  let site: Site
  let web3signer: Web3SignerDouble
  let kms: Service
  let env: Record<string, string>

  before(async () => {
    site = await openSite(FIRST_CUT - 3 * HOUR)
    web3signer = await startWeb3Signer(testKey('deployer'), { token: TOKEN })
    kms = await startKms(testKey('keeper'))
    env = {
      ...site.env,
      ...AWS_CANARIES,
      MUSTER_DEPLOYER_SIGNER: web3signer.url,
      MUSTER_DEPLOYER_SIGNER_KEY: web3signer.publicKey,
      MUSTER_SIGNER_TOKEN_FILE: site.write('token', `${TOKEN}\n`),
      MUSTER_SIGNER_TIMEOUT_MS: '3000',
      MUSTER_KEEPER_SIGNER: `aws-kms:${KMS_KEY_ID}`,
      MUSTER_KMS_ENDPOINT: kms.url,
    }
  })
  after(async () => {
    await web3signer.close()
    await kms.close()
    await site.close()
  })

  const muster = (...args: string[]): Promise<Outcome> => runCli([...args, '--json'], env)
  const listed = async (): Promise<Record<string, string>[]> => {
    const { json } = await muster('keys', 'list')
    return json['keys'] as Record<string, string>[]
  }

  it('Z-50 deploys and pays in with a key behind Web3Signer; the keeper is the key in KMS', async () => {
    const deployed = await muster('deploy')
    expect(deployed.code, deployed.stdout + deployed.stderr).to.equal(0)
    expect(deployed.json).to.include({ keeper: testAddress('keeper') })
    const asked = web3signer.requests.filter(({ method }) => method === 'POST').length
    expect(asked).to.be.above(4)
    const funded = await muster('fund', '1')
    expect(funded.code, funded.stdout + funded.stderr).to.equal(0)
    expect(web3signer.requests.filter(({ method }) => method === 'POST').length).to.equal(asked + 1)
  })

  it('keys list says where each key is and asks for its address', async () => {
    const keys = await listed()
    expect(keys.find(({ role }) => role === 'deployer')).to.deep.equal({
      role: 'deployer',
      signer: 'web3signer',
      place: web3signer.url,
      address: testAddress('deployer'),
    })
    expect(keys.find(({ role }) => role === 'keeper')).to.deep.equal({
      role: 'keeper',
      signer: 'aws-kms',
      place: `aws-kms:${KMS_KEY_ID}`,
      address: testAddress('keeper'),
    })
    expect(keys.find(({ role }) => role === 'admin')).to.include({ signer: 'keystore' })
  })

  it('S-25 a signer that refuses ends the command with its code; the list still shows the others', async () => {
    web3signer.mood = 'refuses'
    const refused = await muster('fund', '1')
    expect(refused.code).to.equal(77)
    expect(refused.json['error']).to.include({ code: 'SIGNER_REFUSED' })
    web3signer.mood = 'fails'
    const deployer = (await listed()).find(({ role }) => role === 'deployer')
    expect(deployer).to.include({ fault: 'SIGNER_UNAVAILABLE' })
    web3signer.mood = 'well'
    expect((await muster('fund', '1')).code).to.equal(0)
  })

  it('S-25 a key that the signer has not is a fault of the settings', async () => {
    env['MUSTER_DEPLOYER_SIGNER_KEY'] = testAddress('guardian')
    const refused = await muster('fund', '1')
    env['MUSTER_DEPLOYER_SIGNER_KEY'] = web3signer.publicKey
    expect([refused.code, (refused.json['error'] as { code: string }).code]).to.deep.equal([
      78,
      'SIGNER_KEY_UNKNOWN',
    ])
  })
})
