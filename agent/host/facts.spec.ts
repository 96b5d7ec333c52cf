import { describe, expect, it } from 'vitest';
import { addressesOf, osName } from './facts.ts';

describe('host facts', () => {
  it('names the system as os-release does', () => {
    expect(osName('ID=debian\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')).toBe(
      'Debian GNU/Linux 12 (bookworm)',
    );
    expect(osName('')).toBe('Linux');
  });

  it('lists the addresses others can reach, IPv4 first', () => {
    const address = (family: 'IPv4' | 'IPv6', text: string, internal = false) =>
      family === 'IPv4'
        ? { family, address: text, internal, netmask: '', mac: '', cidr: null }
        : { family, address: text, internal, netmask: '', mac: '', cidr: null, scopeid: 0 };
    expect(
      addressesOf({
        lo: [address('IPv4', '127.0.0.1', true), address('IPv6', '::1', true)],
        br0: [address('IPv6', '2001:db8::7'), address('IPv6', 'fe80::1'), address('IPv4', '10.0.0.7')],
        virbr0: [address('IPv4', '192.168.122.1')],
        docker0: [address('IPv4', '172.17.0.1')],
        eth1: [address('IPv4', '169.254.3.4'), address('IPv4', '10.1.0.7')],
      }),
    ).toEqual(['10.0.0.7', '10.1.0.7', '2001:db8::7']);
  });
});
