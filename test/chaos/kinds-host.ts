import { waitFor } from '../lab/run.ts';
import { type Kind, pause, type Scene } from './scene.ts';

/** What happens to whole hosts. */

async function lose(scene: Scene, hosts: string[], backAfterMs = 0): Promise<(() => Promise<void>) | null> {
  if (!scene.take(...hosts)) return null;
  await Promise.all(hosts.map((host) => scene.off(host)));
  return async () => {
    for (const [index, host] of hosts.entries()) {
      if (index > 0) await pause(backAfterMs);
      await scene.on(host);
    }
    scene.release(...hosts);
  };
}

async function freeze(scene: Scene, host: string): Promise<(() => Promise<void>) | null> {
  if (!scene.take(host)) return null;
  await scene.fleet.lab.freeze(host);
  return async () => {
    await scene.fleet.lab.thaw(host);
    scene.release(host);
  };
}

/** In order, as an admin does it; systemd-nspawn ends, and is started again. */
async function reboot(scene: Scene, host: string): Promise<(() => Promise<void>) | null> {
  if (!scene.take(host)) return null;
  scene.downs.push({ host, from: Date.now(), to: Number.POSITIVE_INFINITY });
  await scene.run(host, 'systemctl', 'poweroff', '--no-block');
  return async () => {
    const { lab } = scene.fleet;
    const isOff = async () => (await lab.status()).hosts.find(({ name }) => name === host)?.power === 'off';
    const began = Date.now();
    await waitFor(`${host} down in order`, 100_000, isOff, 500).catch(() => {
      scene.say(`${host} did not go down in order within 100 s: the plug is pulled`);
    });
    scene.say(`${host} went down in order in ${Math.round((Date.now() - began) / 1000)} s`);
    await lab.powerOff(host);
    await scene.on(host);
    scene.release(host);
  };
}

export const HOST_KINDS: Kind[] = [
  {
    name: 'power-owner',
    weight: 3,
    holdMs: [1_000, 12_000],
    strike: (scene, { owner }) => lose(scene, [owner]),
  },
  {
    name: 'power-standby',
    weight: 2,
    holdMs: [1_000, 12_000],
    strike: (scene, { standby }) => lose(scene, [standby]),
  },
  {
    name: 'power-witness',
    weight: 1,
    holdMs: [1_000, 15_000],
    strike: (scene) => lose(scene, [scene.fleet.witness]),
  },
  {
    name: 'power-both',
    weight: 1,
    holdMs: [200, 5_000],
    strike(scene, { owner, standby }, random) {
      const order = random.chance(0.5) ? [owner, standby] : [standby, owner];
      return lose(scene, order, random.between(0, 5_000));
    },
  },
  {
    name: 'freeze-owner',
    weight: 3,
    holdMs: [500, 12_000],
    strike: (scene, { owner }) => freeze(scene, owner),
  },
  {
    name: 'freeze-standby',
    weight: 1,
    holdMs: [500, 8_000],
    strike: (scene, { standby }) => freeze(scene, standby),
  },
  {
    name: 'reboot',
    weight: 1,
    holdMs: [100, 100],
    strike: (scene, { owner, standby }, random) => reboot(scene, random.pick([owner, owner, standby])),
  },
];
