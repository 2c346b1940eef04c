import { EXIT, rows } from './catalogue-row.ts'

/** Keys that are kept elsewhere: a remote signer, a key management service. */
export const signers = rows({
  SIGNER_UNAVAILABLE: {
    sentence: 'The signer {signer} does not answer: {reason}.',
    wayOut:
      'Nothing was signed and the nonce is kept. Check that the signer runs and is reachable.',
    exitCode: EXIT.unavailable,
    retry: true,
  },
  SIGNER_REFUSED: {
    sentence: 'The signer {signer} refused: {reason}.',
    wayOut:
      'Nothing was signed and the nonce is kept. Check the rights and the state of the key there.',
    exitCode: EXIT.denied,
  },
  SIGNER_KEY_UNKNOWN: {
    sentence: 'The signer {signer} has not the key that is configured: {reason}.',
    wayOut: 'Compare the SIGNER_KEY setting of the role with the keys that the signer has loaded.',
    exitCode: EXIT.config,
  },
})
