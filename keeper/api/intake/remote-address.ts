import { BlockList, isIP, isIPv6 } from 'node:net'
import { KeeperError } from '../../base/errors.ts'
import { addressKey } from '../../heartbeat/intake/limits.ts'

/** Whom we believe when they say for whom they speak: our own proxies, and nobody else. */
export interface Proxies {
  trusts(address: string): boolean
}

/** What a request shows of its sender: the socket's other end, and what proxies wrote about theirs. */
export interface Sender {
  remote: string | undefined
  forwardedFor: string | string[] | undefined
}

// A request passes a handful of our own proxies; what stands before them is not ours to read.
const MAX_HOPS = 10

/** Addresses and networks, separated by commas: `10.0.0.5, 10.1.0.0/16, ::1`. */
export function parseProxies(text: string | undefined): Proxies {
  const list = new BlockList()
  for (const part of text?.split(',').map((each) => each.trim()) ?? []) add(list, part)
  const versionOf = (address: string): 'ipv4' | 'ipv6' => (isIPv6(address) ? 'ipv6' : 'ipv4')
  return { trusts: (address) => isIP(address) !== 0 && list.check(address, versionOf(address)) }
}

function add(list: BlockList, text: string): void {
  const [address = '', bits, ...rest] = text.split('/')
  const version = isIP(address)
  const most = version === 4 ? 32 : 128
  const prefix = bits === undefined ? most : Number(/^\d{1,3}$/.test(bits) ? bits : NaN)
  if (version === 0 || rest.length > 0 || !(prefix <= most)) {
    const fault = `MUSTER_INTAKE_TRUST_PROXY: ${text} is not an address or a network`
    throw new KeeperError('SETTING_INVALID', { faults: [fault] })
  }
  list.addSubnet(address, prefix, version === 4 ? 'ipv4' : 'ipv6')
}

/**
 * Whose limits a connection counts against: the last address that no proxy of ours has. X-Forwarded-For is read
 * from its end, for whoever is before our proxies can write into it what they like.
 */
export function addressOf({ remote, forwardedFor }: Sender, proxies: Proxies): string {
  let address = plain(remote ?? '')
  const hops = String(forwardedFor ?? '').split(',')
  for (let hop = 0; hop < MAX_HOPS && proxies.trusts(address); hop += 1) {
    const before = plain((hops.pop() ?? '').trim())
    if (isIP(before) === 0) break
    address = before
  }
  return addressKey(address)
}

/** An IPv4 address as IPv6 sockets show it is still that address. */
function plain(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  return mapped?.[1] ?? address.replace(/%.*$/, '')
}
