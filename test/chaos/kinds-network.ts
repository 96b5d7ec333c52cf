import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { PEER_PORT } from '../../agent/protocol/index.ts';
import { type Kind, pause, type Scene, type Undo } from './scene.ts';

/** What happens to the wires. */

async function isolate(scene: Scene, host: string): Promise<Undo> {
  const { lab } = scene.fleet;
  await lab.isolate(host);
  return async () => {
    const others = ['client', ...lab.hosts.map(({ name }) => name)].filter((other) => other !== host);
    for (const other of others) await lab.uncut(host, other);
  };
}

async function cut(scene: Scene, a: string, b: string, oneWay: boolean): Promise<Undo> {
  await scene.fleet.lab.cut(a, b, oneWay);
  return () => scene.fleet.lab.uncut(a, b, oneWay);
}

/** Off and on again, until it is undone. */
async function flap(scene: Scene, a: string, b: string, everyMs: number): Promise<Undo> {
  let over = false;
  const { lab } = scene.fleet;
  const flapping = (async () => {
    while (!over) {
      await lab.cut(a, b);
      await pause(everyMs);
      await lab.uncut(a, b);
      await pause(everyMs);
    }
  })();
  return async () => {
    over = true;
    await flapping;
  };
}

/** Strangers knock at an agent's port, as many as one process can. */
async function flood(scene: Scene, host: string): Promise<Undo> {
  const { lab } = scene.fleet;
  const program = join(import.meta.dirname, 'flood-process.ts');
  const argv = [process.execPath, program, lab.host(host).address, String(PEER_PORT)];
  const [command = '', ...args] = lab.inNamespace(argv);
  const child: ChildProcess = spawn(command, args, { stdio: ['pipe', 'ignore', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  return async () => {
    child.stdin?.end();
    await ended;
  };
}

export const NETWORK_KINDS: Kind[] = [
  {
    name: 'cut-owner',
    weight: 3,
    holdMs: [500, 12_000],
    strike: (scene, { owner }) => isolate(scene, owner),
  },
  {
    name: 'cut-standby',
    weight: 1,
    holdMs: [500, 12_000],
    strike: (scene, { standby }) => isolate(scene, standby),
  },
  {
    name: 'cut-witness',
    weight: 1,
    holdMs: [500, 15_000],
    strike: (scene) => isolate(scene, scene.fleet.witness),
  },
  {
    name: 'cut-pairwise',
    weight: 2,
    holdMs: [300, 10_000],
    strike(scene, { owner, standby }, random) {
      const { witness } = scene.fleet;
      const [a, b] = random.pick([
        [owner, standby],
        [owner, witness],
        [standby, witness],
      ] as const);
      return cut(scene, a, b, false);
    },
  },
  {
    name: 'cut-one-way',
    weight: 2,
    holdMs: [300, 10_000],
    strike(scene, { owner, standby }, random) {
      const { witness } = scene.fleet;
      const others = random.chance(0.5) ? [owner, standby] : [random.pick([owner, standby]), witness];
      const [a = '', b = ''] = random.chance(0.5) ? others : others.toReversed();
      return cut(scene, a, b, true);
    },
  },
  {
    name: 'flap',
    weight: 1,
    holdMs: [3_000, 8_000],
    strike: (scene, { owner, standby }, random) =>
      flap(
        scene,
        owner,
        random.chance(0.5) ? standby : scene.fleet.witness,
        Math.round(random.between(150, 1_200)),
      ),
  },
  {
    name: 'flood',
    weight: 1,
    holdMs: [3_000, 6_000],
    strike: (scene, { owner, standby }, random) =>
      flood(scene, random.pick([owner, standby, scene.fleet.witness])),
  },
];
