import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';
import { down, ensureImages, type Lab, openLab, up } from './lab.ts';
import { places } from './places.ts';

const USAGE = `npm run lab -- COMMAND [--json]
  images                       make what all labs share, where it is missing: disks of hosts and guests
  up [--hosts N] [--install]   bring up what is missing: N hypervisor hosts (2) and a witness box, with guests
  status                       what is on, frozen, cut, running, answering
  down                         end what the lab started, delete its disks (images stay in the cache)
  power-off H | power-on H     pull the plug of a host; boot it
  freeze H | thaw H            stop all processes of a host; let them go on
  cut A B [--one-way]          drop frames from A to B (and back); A or B may be "client"
  heal                         undo all cuts
  ssh H [-- COMMAND]           log in over the host's sshd`;

/** What a command gives back: told as JSON with --json, else as `text`. */
interface Outcome {
  data: Record<string, unknown>;
  text: string;
  code?: number;
}

interface Arguments {
  words: string[];
  hosts?: number;
  install: boolean;
  oneWay: boolean;
  json: boolean;
  /** What follows `--`. */
  rest: string[];
}

function readArguments(argv: string[]): Arguments {
  const split = argv.indexOf('--');
  const own = split < 0 ? argv : argv.slice(0, split);
  const rest = split < 0 ? [] : argv.slice(split + 1);
  const { values, positionals } = parseArgs({
    args: own,
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      hosts: { type: 'string' },
      install: { type: 'boolean', default: false },
      'one-way': { type: 'boolean', default: false },
    },
  });
  const { json, install, hosts } = values;
  const common = { words: positionals, install, oneWay: values['one-way'], json, rest };
  return hosts === undefined ? common : { ...common, hosts: Number(hosts) };
}

async function theLab(): Promise<Lab> {
  const lab = await openLab();
  if (!lab) throw new Error('there is no lab: bring one up with `npm run lab -- up`');
  return lab;
}

function word(given: Arguments, index: number, what: string): string {
  const found = given.words[index];
  if (found === undefined) throw new Error(`${given.words[0]} needs ${what}\n\n${USAGE}`);
  return found;
}

async function doUp(given: Arguments): Promise<Outcome> {
  const started = performance.now();
  const { hosts, install } = given;
  const options = { install, say: (line: string) => console.error(line) };
  const lab = await up(hosts === undefined ? options : { ...options, hosts });
  const seconds = Math.round((performance.now() - started) / 100) / 10;
  return { data: { seconds, ...(await lab.status()) }, text: `up after ${seconds} s` };
}

async function doImages(given: Arguments): Promise<Outcome> {
  const made: string[] = [];
  const say = (line: string): void => {
    made.push(line);
    console.error(line);
  };
  await ensureImages(places(), { install: given.install, say });
  return { data: { made }, text: made.length === 0 ? 'the images are there' : 'the images are made' };
}

async function doStatus(): Promise<Outcome> {
  const lab = await openLab();
  if (!lab) return { data: { up: false }, text: 'no lab' };
  const status = await lab.status();
  const hosts = status.hosts.map(
    (host) => `${host.name}\t${host.address}\t${host.role}\t${host.power}${host.frozen ? ' frozen' : ''}`,
  );
  const guests = status.guests.map((guest) => {
    const where = guest.runsOn.length > 0 ? `runs on ${guest.runsOn.join(' and ')}` : 'does not run';
    return `${guest.name}\t${guest.address}\t${where}, ${guest.answers ? 'answers' : 'no answer'}`;
  });
  const cuts = status.cuts.map((cut) => `cut\t${cut.from} -> ${cut.to}`);
  return { data: { ...status }, text: [...hosts, ...guests, ...cuts].join('\n') };
}

async function doDown(): Promise<Outcome> {
  const result = await down();
  const others = result.stillInNamespace.map(
    (entry) => `still in the lab's namespace, not the lab's: ${entry}`,
  );
  return { data: { ...result }, text: [result.wasUp ? 'down' : 'there was no lab', ...others].join('\n') };
}

const FAULTS: Record<string, (lab: Lab, given: Arguments) => Promise<void>> = {
  'power-off': (lab, given) => lab.powerOff(word(given, 1, 'a host')),
  'power-on': (lab, given) => lab.powerOn(word(given, 1, 'a host')),
  freeze: (lab, given) => lab.freeze(word(given, 1, 'a host')),
  thaw: (lab, given) => lab.thaw(word(given, 1, 'a host')),
  cut: (lab, given) => lab.cut(word(given, 1, 'two hosts'), word(given, 2, 'two hosts'), given.oneWay),
  heal: (lab) => lab.heal(),
};

async function doSsh(given: Arguments): Promise<Outcome> {
  const lab = await theLab();
  const host = word(given, 1, 'a host');
  if (given.json) {
    const { code, stdout, stderr } = await lab.ssh(host, given.rest.join(' '));
    return { data: { code, stdout, stderr }, text: '', code };
  }
  const [command = '', ...args] = lab.sshCommand(host, given.rest.length > 0 ? ['--', ...given.rest] : []);
  const child = spawn(command, args, { stdio: 'inherit' });
  const code = await new Promise<number>((resolve) => child.on('close', (status) => resolve(status ?? 1)));
  return { data: {}, text: '', code };
}

async function obey(given: Arguments): Promise<Outcome> {
  const command = given.words[0] ?? '';
  if (command === 'images') return doImages(given);
  if (command === 'up') return doUp(given);
  if (command === 'status') return doStatus();
  if (command === 'down') return doDown();
  if (command === 'ssh') return doSsh(given);
  const fault = FAULTS[command];
  if (!fault) throw new Error(USAGE);
  await fault(await theLab(), given);
  return { data: { done: given.words.join(' ') }, text: `done: ${given.words.join(' ')}` };
}

const argv = process.argv.slice(2);
try {
  const given = readArguments(argv);
  const outcome = await obey(given);
  if (given.json) console.log(JSON.stringify({ ok: (outcome.code ?? 0) === 0, ...outcome.data }));
  else if (outcome.text) console.log(outcome.text);
  process.exitCode = outcome.code ?? 0;
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  if (argv.includes('--json')) console.log(JSON.stringify({ ok: false, error: message }));
  else console.error(message);
  process.exitCode = 1;
}
