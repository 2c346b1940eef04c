import { expect } from 'chai'
import { addressOf, parseProxies } from '../../../../keeper/api/intake/remote-address.ts'
import { codeOf } from '../../../helpers/errors.ts'

const from = (remote: string, forwardedFor?: string, proxies?: string): string =>
  addressOf({ remote, forwardedFor }, parseProxies(proxies))

describe('whose limits a connection counts against', () => {
  it('is the other end of the socket: who is no proxy of ours is not believed about others', () => {
    expect(from('203.0.113.9')).to.equal('203.0.113.9')
    expect(from('203.0.113.9', '198.51.100.1')).to.equal('203.0.113.9')
    expect(from('203.0.113.9', '198.51.100.1', '10.0.0.0/8')).to.equal('203.0.113.9')
  })

  it('is whom our proxies name, read from the end, so that nobody can write a sender before it', () => {
    expect(from('10.0.0.5', '198.51.100.1', '10.0.0.0/8')).to.equal('198.51.100.1')
    expect(from('10.0.0.5', '6.6.6.6, 198.51.100.1', '10.0.0.0/8')).to.equal('198.51.100.1')
    expect(from('10.0.0.5', '198.51.100.1, 10.0.0.7', '10.0.0.0/8')).to.equal('198.51.100.1')
    expect(from('::ffff:10.0.0.5', '198.51.100.1', '10.0.0.5')).to.equal('198.51.100.1')
    expect(from('10.0.0.5', 'nonsense', '10.0.0.5')).to.equal('10.0.0.5')
  })

  it('is the /64 of an IPv6 address: its owner has all the others in it', () => {
    expect(from('2001:db8::1')).to.equal('2001:db8:0:0::/64')
    expect(from('2001:0db8:0:0:1:2:3:4')).to.equal('2001:db8:0:0::/64')
    expect(from('fe80::1%eth0')).to.equal('fe80:0:0:0::/64')
    expect(from('::1', '2001:db8:0:7::9', '::1')).to.equal('2001:db8:0:7::/64')
  })

  it('a list of proxies with something else in it is refused at the start', () => {
    for (const text of ['example.org', '10.0.0.0/33', '10.0.0.0/8/8', '10.0.0.1,,', '::/129']) {
      expect(
        codeOf(() => parseProxies(text)),
        text,
      ).to.equal('SETTING_INVALID')
    }
  })
})
