import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generateOpensshKey, opensshPublicKey } from '../../../src-main/core/ssh/openssh-key.ts';
import { addHost } from '../../../src-renderer/lib/messages/add-host.ts';
import { hosts } from '../../../src-renderer/lib/messages/hosts.ts';
import { test as base, expect } from '../fixtures.ts';
import { type Listening, startMockMailServer, startWire, unusedPort } from '../loopback.ts';
import { type MockHostOptions, startMockHost } from '../mock-host.ts';
import { AddHostWizard } from '../pages/add-host.ts';
import { HostPage } from '../pages/host.ts';
import { MapPage } from '../pages/map.ts';
import { WelcomePage } from '../pages/welcome.ts';
import { startPracticeHosts } from '../practice-hosts.ts';

interface Fixtures {
  /** The wizard of a console just started. */
  wizard: AddHostWizard;
  mockHost(options?: MockHostOptions): Promise<Listening>;
  practice: Awaited<ReturnType<typeof startPracticeHosts>>;
}

const PASSWORD = 'the right one';
const HERE = '127.0.0.1';

const test = base.extend<Fixtures>({
  wizard: async ({ hand, page, startConsole }, use) => {
    await page.goto((await startConsole()).url);
    await new WelcomePage(hand).connect();
    await use(new AddHostWizard(hand));
  },
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads a fixture's needs from this pattern.
  mockHost: async ({}, use) => {
    const started: Listening[] = [];
    await use(async (options) => {
      const host = await startMockHost({ password: PASSWORD, ...options });
      started.push(host);
      return host;
    });
    for (const host of started) await host.stop();
  },
  // biome-ignore lint/correctness/noEmptyPattern: as above.
  practice: async ({}, use) => {
    const practice = await startPracticeHosts();
    await use(practice);
    await practice.close();
  },
});

test('an address that leads nowhere is named at its field, and mended there', async ({
  wizard,
  mockHost,
}) => {
  const { port } = await mockHost();
  const mailServer = await startMockMailServer();

  await wizard.enter({ address: '', password: PASSWORD });
  await wizard.next();
  await wizard.complainsAt(addHost.address, /Type the address/);
  await wizard.enter({ address: HERE, port: 'ssh' });
  await wizard.next();
  await wizard.complainsAt(addHost.port, /A port is a number/);
  // A multicast address: the system refuses to connect to it without sending anything.
  await wizard.enter({ address: '224.0.0.1', port: 22 });
  await wizard.next();
  await wizard.complainsAt(addHost.address, /224\.0\.0\.1 does not answer on port 22.*switched on/);
  const unused = await unusedPort();
  await wizard.enter({ address: HERE, port: unused });
  await wizard.next();
  await wizard.complainsAt(
    addHost.port,
    new RegExp(`nothing listens on port ${unused}.*systemctl start ssh`),
  );
  await wizard.enter({ port: mailServer.port });
  await wizard.next();
  await wizard.complainsAt(addHost.port, /answers, but not as an SSH server\. Check the port/);

  await expect(wizard.input(addHost.password)).toHaveValue(PASSWORD);
  await wizard.enter({ port });
  await wizard.next();
  await wizard.acceptFingerprint();
  await wizard.shows('mock-host');
  await mailServer.stop();
});

test('a wrong password is told at its field; the right one goes on', async ({ wizard, mockHost }) => {
  const { port } = await mockHost();
  await wizard.enter({ address: `root@${HERE}:${port}`, password: 'a wrong one' });
  await wizard.next();
  await wizard.acceptFingerprint();
  await wizard.complainsAt(addHost.password, /127\.0\.0\.1 does not accept this password for root/);
  await expect(wizard.input(addHost.address)).toHaveValue(HERE);
  await expect(wizard.input(addHost.port)).toHaveValue(String(port));

  await wizard.enter({ password: PASSWORD });
  await wizard.next();
  await wizard.shows('mock-host');
});

test('key files: missing, of a foreign format, locked, and opened at last', async ({
  wizard,
  mockHost,
  home,
}) => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  expect(publicKey.asymmetricKeyType).toBe('ed25519');
  const { port } = await mockHost({ publicKey: opensshPublicKey(privateKey) });
  const locked = join(home.sshDir, 'id_locked');
  const putty = join(home.sshDir, 'office.ppk');
  const passphrase = 'correct horse';
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase });
  await writeFile(locked, pem, { mode: 0o600 });
  await writeFile(putty, 'PuTTY-User-Key-File-3: ssh-ed25519\n', { mode: 0o600 });

  const missing = join(home.sshDir, 'id_gone');
  await wizard.enter({ address: HERE, port, keyPath: missing });
  await wizard.next();
  await wizard.acceptFingerprint();
  await wizard.complainsAt(addHost.keyPath, /id_gone cannot be read: there is no such file/);
  await wizard.enter({ keyPath: putty });
  await wizard.next();
  await wizard.complainsAt(
    addHost.keyPath,
    /office\.ppk is a PuTTY key of version 3\. Convert it with: puttygen/,
  );
  await wizard.enter({ keyPath: locked });
  await wizard.next();
  await wizard.complainsAt(addHost.passphrase, /id_locked is protected by a passphrase/);
  await wizard.enter({ passphrase: 'a wrong one' });
  await wizard.next();
  await wizard.complainsAt(addHost.passphrase, /passphrase does not open the key file .*id_locked/);
  await wizard.enter({ passphrase });
  await wizard.next();
  await wizard.shows('mock-host');
});

test('a changed host key is refused, and trusted only on purpose', async ({ wizard, mockHost, home }) => {
  const { hand } = wizard;
  const { port } = await mockHost();
  const before = generateOpensshKey().public;
  await writeFile(join(home.sshDir, 'known_hosts'), `[${HERE}]:${port} ${before}\n`);

  await wizard.enter({ address: HERE, port, password: PASSWORD });
  await wizard.next();
  const { page } = hand;
  await wizard.saysThatTheKeyChanged(HERE);
  await expect(page.getByText(addHost.changed.text)).toBeVisible();
  await expect(page.getByText(addHost.changed.before(addHost.changed.fromKnownHosts))).toBeVisible();
  await wizard.trustChangedKey();
  await wizard.complainsAt(addHost.changed.type(HERE), new RegExp(addHost.changed.mismatch));
  await wizard.back();
  await expect(wizard.input(addHost.password)).toHaveValue(PASSWORD);
  await wizard.next();
  await hand.type(wizard.input(addHost.changed.type(HERE)), HERE);
  await wizard.trustChangedKey();
  await wizard.shows('mock-host');
});

test('a user who is neither root nor may use sudo, and one who is root', async ({ wizard, mockHost }) => {
  const { hand } = wizard;
  const stranger = await mockHost({ user: 'maria' });
  const root = await mockHost();
  await wizard.enter({ address: HERE, port: stranger.port, user: 'maria', password: PASSWORD });
  await wizard.next();
  await wizard.acceptFingerprint();
  const { page } = hand;
  await expect(page.getByText(/maria is not root on .* and cannot become root by sudo/)).toBeVisible();
  await expect(page.getByText(/usermod -aG sudo maria/)).toBeVisible();
  await wizard.cannotInstall();

  await wizard.back();
  await wizard.enter({ port: root.port, user: 'root' });
  await wizard.next();
  await wizard.acceptFingerprint();
  await wizard.canInstall();
});

test('systems that cannot be added say why; a stopped libvirt is mended from here', async ({
  wizard,
  mockHost,
}) => {
  const { hand } = wizard;
  const { page } = hand;
  const foreign = await mockHost({ says: { system: 'OpenBSD', hostname: 'mock-openbsd' } });
  const bare = await mockHost({
    says: { libvirt: '', 'libvirt.active': '', 'vm-count': '', hostname: 'mock-bare' },
  });
  const stopped = await mockHost({
    says: { 'libvirt.active': '', 'vm-count': '', hostname: 'mock-stopped' },
    afterFix: { 'libvirt.active': 'libvirtd.service', 'vm-count': '3' },
  });

  await wizard.enter({ address: HERE, port: foreign.port, password: PASSWORD });
  await wizard.next();
  await wizard.acceptFingerprint();
  await expect(page.getByText('This is OpenBSD.')).toBeVisible();
  await expect(page.getByText(/Debian 12 and newer are tested/)).toBeVisible();
  await wizard.cannotInstall();

  await wizard.back();
  await wizard.enter({ port: bare.port });
  await wizard.next();
  await wizard.acceptFingerprint();
  await expect(page.getByText(/libvirt is not installed.*can be a witness/)).toBeVisible();
  await expect(page.getByText(/apt install libvirt-daemon-system/)).toBeVisible();
  await expect(wizard.role('hypervisor')).toBeDisabled();
  await expect(wizard.role('witness')).toBeChecked();
  await wizard.canInstall();

  await wizard.back();
  await wizard.enter({ port: stopped.port });
  await wizard.next();
  await wizard.acceptFingerprint();
  await expect(page.getByText('libvirt is installed but does not run.')).toBeVisible();
  await hand.click(hand.button(hosts.check.fixName('Hypervisor')));
  await expect(page.getByText('libvirt is installed but does not run.')).toBeHidden();
  await expect(wizard.role('hypervisor')).toBeEnabled();
});

test('a connection that breaks before or in the middle of the installation is taken up again', async ({
  wizard,
  practice,
}) => {
  const { hand } = wizard;
  const atlas = practice.access('atlas');
  const wire = await startWire(atlas.port);
  await wizard.enter({ address: HERE, port: wire.port, password: atlas.password });
  await wizard.next();
  await wizard.acceptFingerprint();
  await wizard.canInstall();
  await hand.type(wizard.input(addHost.found.site), 'Cellar');
  wire.leadTo(await unusedPort());
  for (const told of [/The connection to .* is lost/, /lost|does not answer|nothing listens/]) {
    await wizard.tryToInstall();
    await expect(hand.page.getByText(told).first()).toBeVisible();
  }
  await expect(wizard.input(addHost.found.site)).toHaveValue('Cellar');
  wire.leadTo(atlas.port);
  await wizard.install();
  await wire.stop();
});

test('a user who does not exist is told where it is mended', async ({ wizard, mockHost }) => {
  const { port } = await mockHost({ user: 'maria' });
  await wizard.enter({ address: HERE, port, user: 'maria', password: 'a wrong one' });
  await wizard.next();
  await wizard.acceptFingerprint();
  await wizard.complainsAt(addHost.password, /does not accept this password for maria/);
  await wizard.enter({ user: 'nobody-here', password: PASSWORD });
  await wizard.next();
  await wizard.complainsAt(addHost.password, /does not accept this password for nobody-here/);
  await wizard.enter({ user: 'maria', password: PASSWORD });
  await wizard.next();
  await wizard.cannotInstall();
});

test('the same host twice, a name twice, and a stranger in the place of a host', async ({
  wizard,
  mockHost,
  practice,
}) => {
  const { hand } = wizard;
  const { page } = hand;
  const atlas = practice.access('atlas');
  const boreas = practice.access('boreas');
  const wire = await startWire(boreas.port);
  await wizard.enter({ address: HERE, port: atlas.port, password: atlas.password });
  await wizard.next();
  await wizard.acceptFingerprint();
  await wizard.install();
  await wizard.addAnother();

  await wizard.enter({ address: HERE, port: atlas.port });
  await wizard.next();
  await wizard.complainsAt(addHost.address, /already.* as atlas\. Open atlas on the map/);
  await wizard.enter({ address: 'localhost' });
  await wizard.next();
  await wizard.acceptFingerprint();
  await wizard.complainsAt(addHost.address, /This is the same machine as atlas\. Open atlas/);

  await wizard.enter({ address: HERE, port: wire.port, password: boreas.password });
  await wizard.next();
  await wizard.acceptFingerprint();
  await hand.type(wizard.input(addHost.found.name), 'atlas');
  await wizard.tryToInstall();
  await wizard.complainsAt(addHost.found.name, /Another host already has this name/);
  await hand.type(wizard.input(addHost.found.name), 'boreas');
  await wizard.install();

  const stranger = await mockHost();
  wire.leadTo(stranger.port);
  await new MapPage(hand).open();
  await new MapPage(hand).openHost('boreas');
  await expect(page.getByText(/boreas .*shows another host key than before/)).toBeVisible();
  const host = new HostPage(hand);
  const dialog = await host.lookAtKey('boreas');
  await expect(dialog.text(/SHA256:/)).toHaveCount(2);
  await dialog.cancel();
  // It was a mistake of the network: with the true host behind the address again, nothing needs to be trusted.
  wire.leadTo(boreas.port);
  await host.tryNow();
  await wire.stop();
});
