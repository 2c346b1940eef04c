/** Where the key of a role is: in a file here, behind Web3Signer's API, or in AWS KMS. */
export type SignerChoice =
  | { kind: 'keystore' }
  | { kind: 'web3signer'; url: string; key: string }
  | { kind: 'aws-kms'; keyId: string; key?: string }

const KMS_PREFIX = 'aws-kms:'
// Key id, alias/name, or the ARN of either.
const KMS_KEY_ID = /^[\w/:-]{1,2048}$/
// An address, or a public key: compressed, without or with the prefix of an uncompressed point.
const KEY = /^0x([0-9a-f]{40}|0[23][0-9a-f]{64}|[0-9a-f]{128}|04[0-9a-f]{128})$/i

/** The texts of the two settings of a role, or what is wrong with them; a value is never repeated. */
export function parseSigner(
  text = 'keystore',
  key?: string,
): { choice: SignerChoice } | { fault: string } {
  if (key !== undefined && !KEY.test(key)) return { fault: 'its key is no public key or address' }
  if (text === 'keystore') {
    return key === undefined
      ? { choice: { kind: 'keystore' } }
      : { fault: 'a key is named, but no signer that has it' }
  }
  if (text.startsWith(KMS_PREFIX)) return parseKms(text.slice(KMS_PREFIX.length), key)
  if (!/^https?:/.test(text) || !URL.canParse(text)) {
    return { fault: 'not keystore, an http(s) URL, or aws-kms:<key id or ARN>' }
  }
  if (new URL(text).search !== '') return { fault: 'the URL has a query' }
  if (key === undefined) return { fault: 'a URL needs the public key or address of the key, too' }
  return { choice: { kind: 'web3signer', url: text, key } }
}

function parseKms(keyId: string, key?: string): { choice: SignerChoice } | { fault: string } {
  if (!KMS_KEY_ID.test(keyId)) return { fault: 'not aws-kms:<key id or ARN>' }
  return { choice: { kind: 'aws-kms', keyId, ...(key === undefined ? {} : { key }) } }
}
