import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generateOpensshKey } from '../../../src-main/core/ssh/openssh-key.ts';
import { addHost } from '../../../src-renderer/lib/messages/add-host.ts';
import { shell } from '../../../src-renderer/lib/messages/shell.ts';
import { expect } from '../expect.ts';
import { WelcomePage } from '../pages/welcome.ts';
import { MOCK_PASSWORD, type Tour } from './tour.ts';

const HERE = '127.0.0.1';

/** A console that knows no host yet. */
export async function visitFirstRun({ hand, look }: Tour): Promise<void> {
  await new WelcomePage(hand).isThere();
  await look('first-run');
  for (const place of [shell.list, shell.activity]) {
    await hand.place(place);
    await look(`${place.toLowerCase()}-empty`);
  }
  await hand.place(shell.map);
}

/** The wizard's steps on mock hosts, and then the three practice hosts for the rest of the tour. */
export async function visitAddHost(tour: Tour): Promise<void> {
  const { hand, look, addHosts, mock, home, practice, wire } = tour;
  const known = `[${HERE}]:${mock.changed.port} ${generateOpensshKey().public}\n`;
  await writeFile(join(home.sshDir, 'known_hosts'), known);
  await new WelcomePage(hand).connect();
  await look('add-host-address');
  await addHosts.next();
  await look('add-host-address-problems');
  await addHosts.choose(addHost.key);
  await look('add-host-key-file');
  await addHosts.enter({ address: HERE, port: mock.changed.port, password: MOCK_PASSWORD });
  await addHosts.next();
  await addHosts.saysThatTheKeyChanged(HERE);
  await look('add-host-key-changed');
  await addHosts.back();
  await visitFound(tour);

  for (const name of ['atlas', 'boreas', 'cora']) {
    const { port, password } = practice.access(name);
    await addHosts.enter({ address: HERE, port: name === 'cora' ? wire.port : port, password });
    await addHosts.next();
    await addHosts.acceptFingerprint();
    await addHosts.install();
    if (name === 'atlas') await visitOneHost(tour);
    if (name === 'boreas') await addHosts.addAnother();
  }
  await look('add-host-done');
}

async function visitFound({ hand, look, addHosts, mock }: Tour): Promise<void> {
  const { page } = hand;
  await addHosts.enter({ port: mock.healthy.port });
  await addHosts.next();
  await expect(page.getByRole('heading', { name: addHost.fingerprint.title(HERE) })).toBeVisible();
  await look('add-host-fingerprint');
  await hand.click(hand.button(addHost.fingerprint.differs));
  await look('add-host-fingerprint-differs');
  await addHosts.back();
  await addHosts.next();
  await addHosts.acceptFingerprint();
  await addHosts.canInstall();
  await look('add-host-checks');
  await addHosts.back();
  await addHosts.enter({ port: mock.bare.port });
  await addHosts.next();
  await addHosts.acceptFingerprint();
  await addHosts.canInstall();
  await look('add-host-checks-in-the-way');
  await addHosts.back();
  await addHosts.enter({ port: mock.hanging.port });
  await addHosts.next();
  await addHosts.acceptFingerprint();
  await addHosts.tryToInstall();
  await expect(page.getByRole('progressbar')).toBeVisible();
  await look('add-host-installing');
  await mock.hanging.stop();
  await expect(page.getByRole('alert').first()).toBeVisible();
  await look('add-host-install-failed');
  await addHosts.back();
}

/** Between the first host and the second. */
async function visitOneHost({ hand, look, map }: Tour): Promise<void> {
  await look('add-host-done-one');
  await map.open();
  await look('map-one-host');
  await hand.click(hand.action(shell.addHost));
}
