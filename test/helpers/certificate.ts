import { createSign, generateKeyPairSync, randomBytes } from 'node:crypto'

/** PEM texts. */
export interface Certificate {
  cert: string
  key: string
}

// Object identifiers and values of X.509, as they are encoded.
const ECDSA_WITH_SHA256 = '300a06082a8648ce3d040302'
const COMMON_NAME = '0603550403'
const BASIC_CONSTRAINTS = '300c0603551d13040530030101ff'
const LOOPBACK_NAME = '300f0603551d110408300687047f000001'

/** A self-signed certificate of this machine's loopback address, made anew for a test. */
export function makeCertificate(name: string): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const text = Buffer.from(name).toString('hex')
  const issuer = sequence(der('31', sequence(COMMON_NAME, der('0c', text))))
  const validity = sequence(time('200101000000Z'), time('490101000000Z'))
  const body = sequence(
    der('a0', '020102'),
    der('02', `01${randomBytes(8).toString('hex')}`),
    ECDSA_WITH_SHA256,
    issuer,
    validity,
    issuer,
    publicKey.export({ format: 'der', type: 'spki' }).toString('hex'),
    der('a3', sequence(BASIC_CONSTRAINTS, LOOPBACK_NAME)),
  )
  const signature = createSign('sha256').update(Buffer.from(body, 'hex')).sign(privateKey, 'hex')
  const whole = sequence(body, ECDSA_WITH_SHA256, der('03', `00${signature}`))
  return {
    cert: pem('CERTIFICATE', whole),
    key: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
  }
}

function sequence(...parts: string[]): string {
  return der('30', parts.join(''))
}

function time(utc: string): string {
  return der('17', Buffer.from(utc).toString('hex'))
}

function der(tag: string, content: string): string {
  const length = content.length / 2
  const digits = length.toString(16)
  const even = digits.padStart(digits.length + (digits.length % 2), '0')
  return tag + (length < 128 ? even : (128 + even.length / 2).toString(16) + even) + content
}

function pem(label: string, hex: string): string {
  const lines = Buffer.from(hex, 'hex').toString('base64').replace(/.{64}/g, '$&\n').trim()
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`
}
