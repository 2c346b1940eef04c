import { readFile } from 'node:fs/promises'
import { KeeperError, messageOf } from '../../base/errors.ts'
import { rememberSecret } from '../../base/redact.ts'
import { scrubUrls } from '../../base/redact-url.ts'
import type { SignerChoice } from '../../base/signer-choice.ts'
import { openKmsSigner } from './kms-signer.ts'
import { openRemoteSigner } from './remote-signer.ts'
import type { ClientTls } from './signer-request.ts'
import { openKeystore } from './signer.ts'
import type { TxSigner } from './signer.ts'

/** Where one role's key is, as the settings have it. */
export interface KeySource {
  signer: SignerChoice
  keystore: string
  password(): Promise<string>
}

/** What holds for every key that is kept elsewhere. */
export interface SignerSettings {
  signerTimeoutMs: number
  signerTokenFile?: string | undefined
  signerTlsCert?: string | undefined
  signerTlsKey?: string | undefined
  signerTlsCa?: string | undefined
  kmsRegion?: string | undefined
  kmsEndpoint?: string | undefined
}

/** The one way to a key: what it opens knows its address, and has shown that the key is there. */
export async function openKey(source: KeySource, settings: SignerSettings): Promise<TxSigner> {
  const { signer, keystore } = source
  const { signerTimeoutMs: timeoutMs, kmsRegion, kmsEndpoint } = settings
  switch (signer.kind) {
    case 'keystore':
      return openKeystore({ file: keystore, password: await source.password() })
    case 'web3signer':
      return openRemoteSigner({ ...signer, timeoutMs, ...(await credentialsOf(settings)) })
    case 'aws-kms':
      return openKmsSigner({
        ...signer,
        timeoutMs,
        ...(kmsRegion === undefined ? {} : { region: kmsRegion }),
        ...(kmsEndpoint === undefined ? {} : { endpoint: kmsEndpoint }),
      })
    default:
      return signer satisfies never
  }
}

/** As it is shown to people: without what may be secret in a URL. */
export function placeOf({ signer, keystore }: KeySource): string {
  if (signer.kind === 'keystore') return keystore
  return signer.kind === 'web3signer' ? scrubUrls(signer.url) : `aws-kms:${signer.keyId}`
}

async function credentialsOf(
  settings: SignerSettings,
): Promise<{ token?: string; tls?: ClientTls }> {
  const [token, cert, key, ca] = await Promise.all([
    readSecret(settings.signerTokenFile),
    readSecret(settings.signerTlsCert),
    readSecret(settings.signerTlsKey),
    readSecret(settings.signerTlsCa),
  ])
  rememberSecret(key ?? '')
  const tls = { ...(cert && { cert }), ...(key && { key }), ...(ca && { ca }) }
  return { ...(token && { token }), ...(Object.keys(tls).length > 0 && { tls }) }
}

async function readSecret(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined
  try {
    return (await readFile(file, 'utf8')).trimEnd()
  } catch (error) {
    throw new KeeperError('FILE_UNREADABLE', { file, reason: messageOf(error) })
  }
}
