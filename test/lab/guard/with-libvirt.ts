import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { stateOf } from '../../../agent/guard/guard.spec-kit.ts';
import { waitFor } from '../run.ts';
import { bootMs, type GuardHost } from './guard-host.ts';

/** Far below libvirt-guests' own patience (300 s in Debian), far above what a host needs to go down. */
const SHUTDOWN_MS = 60_000;

/** libvirt's hook: who may start a protected machine. */
export function startsByHand(bench: { host: GuardHost }): void {
  describe('a protected machine that somebody starts by hand', () => {
    const start = () => bench.host.try(`virsh -q start ${bench.host.guest}`);
    const arm = () => bench.host.permit(`deadline ${Math.ceil(bootMs()) + 600_000}`);

    test('is refused in a sentence that names Understudy; what the agent allows starts', async () => {
      const { host } = bench;
      arm();
      await host.run(`virsh -q destroy ${host.guest}`);
      const refused = await start();
      expect(refused.code).not.toBe(0);
      expect(refused.stderr).toMatch(/Understudy protects erp: .* end its protection first/);
      expect((await host.run(`virsh -q domstate ${host.guest}`)).trim()).toBe('shut off');
      host.allowStart();
      expect(await start()).toMatchObject({ code: 0 });
      host.endStart();
      await host.state('runs');
    });

    test('is refused from saved memory, too; one that is not protected is nobody’s business', async () => {
      const { host } = bench;
      arm();
      await host.run(`virsh -q managedsave ${host.guest}`);
      expect((await start()).stderr).toContain('Understudy protects erp');
      host.protect();
      await host.rounds();
      expect(await start()).toMatchObject({ code: 0 });
      await host.qemuPid();
    });
  });
}

/** A host that is shut down in order; each ends with the host on again. */
export function shutdowns(bench: { host: GuardHost }): void {
  const off = async (host: GuardHost, pids: number[]): Promise<{ ms: number; said: Set<string> }> => {
    const from = bootMs();
    const said = new Set<string>();
    await host.lab.exec(host.name, ['systemctl', 'poweroff', '--no-block']);
    await waitFor(
      'the host is off',
      150_000,
      () => {
        said.add(saidOf(host));
        return pids.every((pid) => !existsSync(`/proc/${pid}`));
      },
      5,
    );
    return { ms: bootMs() - from, said };
  };
  const on = async (host: GuardHost): Promise<void> => {
    await host.lab.powerOff(host.name);
    await host.lab.powerOn(host.name);
    await host.locate();
  };

  test('at a shutdown of the host it outlives the last protected guest', async () => {
    const { host } = bench;
    const [guard, pid] = [await host.guardPid(), await host.startGuest()];
    host.permit(`deadline ${Math.ceil(bootMs()) + 600_000} resumed ${Math.ceil(bootMs())}`);
    await host.state('runs');
    await host.lab.exec(host.name, ['systemctl', 'poweroff', '--no-block']);
    let guestSeen = 0;
    await waitFor(
      'the guard has left',
      110_000,
      () => {
        // Asked in this order: a guest seen after its guard was gone had none.
        if (stateOf(guard) !== null) return false;
        if (stateOf(pid) !== null) guestSeen++;
        return true;
      },
      1,
    );
    expect(guestSeen).toBe(0);
    await waitFor('the host is off', 60_000, () =>
      [guard, pid].every((each) => !existsSync(`/proc/${each}`)),
    );
    await on(host);
    // Until the agent speaks the durable list counts; here there is none, so nothing is protected.
    expect(host.status().machines.size).toBe(0);
  });

  test('a shutdown of the host does not wait for a guest that stands still', async () => {
    const { host } = bench;
    const pids = [await host.startGuest(), await host.guardPid()];
    host.permit('deadline 0');
    await host.state('stopped');
    const { ms } = await off(host, pids);
    console.log(`host off with a frozen guest: ${Math.round(ms)} ms`);
    expect(ms).toBeLessThan(SHUTDOWN_MS);
    await on(host);
  });

  test('nor for one that is stopped in the middle of it', async () => {
    const { host } = bench;
    const pid = await host.startGuest();
    const pids = [pid, await host.guardPid()];
    // libvirt-guests waits for its guest by then.
    host.permit(`deadline ${Math.ceil(bootMs()) + 600} resumed ${Math.ceil(bootMs())}`);
    const { ms, said } = await off(host, pids);
    expect([...said]).toContain('killed');
    console.log(`host off with a guest that was stopped meanwhile: ${Math.round(ms)} ms`);
    expect(ms).toBeLessThan(SHUTDOWN_MS);
    await on(host);
  });
}

/** What its guard says of the guest; '' when the host is gone. */
function saidOf(host: GuardHost): string {
  try {
    return host.status().machines.get(host.uuid)?.state ?? '';
  } catch {
    return '';
  }
}
