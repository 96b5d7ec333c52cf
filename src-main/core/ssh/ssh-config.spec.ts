import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findKeyFiles, findSshEnvironment } from './environment.ts';
import { generateOpensshKey } from './openssh-key.ts';
import { readSshConfig } from './ssh-config.ts';

function folder(files: Record<string, string>) {
  const home = mkdtempSync(join(tmpdir(), 'understudy-home-'));
  mkdirSync(join(home, '.ssh', 'conf.d'), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(home, '.ssh', name), text);
  return findSshEnvironment(home, {}, 'linux');
}

describe('~/.ssh/config', () => {
  it('gives address, port, user, keys and way of a host', async () => {
    const config = await readSshConfig(
      folder({
        config: [
          'Host atlas at?',
          '  HostName 10.0.0.1',
          '  Port 2222',
          '  User eve',
          '  IdentityFile ~/.ssh/work',
          'Host far',
          '  ProxyCommand nc %h %p',
          'Host direct',
          '  ProxyJump none',
          'Host *',
          '  User nobody',
        ].join('\n'),
      }),
    );
    expect(config.lookup('atlas')).toEqual({
      address: '10.0.0.1',
      port: 2222,
      user: 'eve',
      identityFiles: [join(homedir(), '.ssh/work')],
      hostKeyAlias: null,
      jump: null,
    });
    expect(config.lookup('far').jump).toBe('nc %h %p');
    expect(config.lookup('direct').jump).toBeNull();
    expect(config.lookup('elsewhere')).toMatchObject({ address: 'elsewhere', port: null, user: 'nobody' });
    expect(config.aliases()).toEqual(['atlas', 'far', 'direct']);
  });

  it('follows Include lines', async () => {
    const config = await readSshConfig(
      folder({ config: 'Include conf.d/*\n', 'conf.d/one': 'Host boreas\n  HostName 10.0.0.2\n' }),
    );
    expect(config.lookup('boreas').address).toBe('10.0.0.2');
    expect(config.aliases()).toEqual(['boreas']);
  });

  it('does not run commands', async () => {
    const witness = join(mkdtempSync(join(tmpdir(), 'understudy-exec-')), 'ran');
    const config = await readSshConfig(folder({ config: `Match exec "touch ${witness}"\n  User eve\n` }));
    expect(config.lookup('atlas').user).toBeNull();
    expect(existsSync(witness)).toBe(false);
  });

  it('may be missing', async () => {
    expect((await readSshConfig(folder({}))).lookup('atlas')).toMatchObject({ address: 'atlas', jump: null });
  });
});

describe('the SSH environment', () => {
  it('lists private keys, the usual ones first', async () => {
    const { private: key, public: publicKey } = generateOpensshKey();
    const environment = folder({
      'id_rsa.pub': publicKey,
      id_rsa: key,
      id_ed25519: key,
      backup: key,
      known_hosts: `atlas ${publicKey}`,
      config: '',
    });
    const names = (await findKeyFiles(environment)).map((path) => path.slice(environment.sshDir.length + 1));
    expect(names).toEqual(['id_ed25519', 'id_rsa', 'backup']);
  });

  it('finds the agent of each system', () => {
    expect(findSshEnvironment('/home/eve', { SSH_AUTH_SOCK: '/run/agent' }, 'linux').agentSocket).toBe(
      '/run/agent',
    );
    expect(findSshEnvironment('/home/eve', {}, 'linux').agentSocket).toBeNull();
    expect(findSshEnvironment('C:\\Users\\eve', {}, 'win32').agentSocket).toBe('pageant');
  });
});
