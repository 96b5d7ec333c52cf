import { afterEach, describe, expect, it } from 'vitest';
import { FakeQmp, type QmpAnswer } from './qmp.spec-kit.ts';
import { QmpClient } from './qmp.ts';

const open: FakeQmp[] = [];

async function monitor(answer: (name: string) => QmpAnswer): Promise<{ fake: FakeQmp; client: QmpClient }> {
  const fake = new FakeQmp((call) => answer(call.execute));
  open.push(fake);
  await fake.listen();
  const client = await QmpClient.connect(fake.path);
  if (!client.ok) throw new Error(client.problem.message);
  return { fake, client: client.value };
}

describe('the QMP client', () => {
  afterEach(async () => {
    for (const fake of open.splice(0)) await fake.close();
  });

  it('asks, is answered, is refused', async () => {
    const { client } = await monitor((name) =>
      name === 'good' ? { return: { n: 1 } } : { error: { class: 'GenericError', desc: 'No such thing' } },
    );
    expect(await client.execute('good')).toEqual({ ok: true, value: { n: 1 } });
    expect(await client.execute('bad')).toMatchObject({
      ok: false,
      problem: { kind: 'qmp-error', details: { class: 'GenericError', text: 'No such thing' } },
    });
  });

  it('hands events on', async () => {
    const { fake, client } = await monitor(() => ({ return: {} }));
    const event = new Promise((done) => client.onEvent(done));
    fake.event('BLOCK_JOB_READY', { device: 'a' });
    expect(await event).toEqual({ event: 'BLOCK_JOB_READY', data: { device: 'a' } });
  });

  it('gives up on silence, and still understands the late answer of another command', async () => {
    const { client } = await monitor((name) => (name === 'slow' ? 'silence' : { return: {} }));
    expect(await client.execute('slow', {}, 30)).toMatchObject({ ok: false, problem: { kind: 'deadline' } });
    expect(await client.execute('quick')).toMatchObject({ ok: true });
  });

  it('answers everything that waits when the connection ends', async () => {
    const { fake, client } = await monitor(() => 'silence');
    const ended = new Promise<void>((done) => client.onEnd(done));
    const waiting = client.execute('never');
    await fake.die();
    expect(await waiting).toMatchObject({ ok: false, problem: { kind: 'qmp-closed' } });
    await ended;
    expect(await client.execute('again')).toMatchObject({ ok: false, problem: { kind: 'qmp-closed' } });
  });

  it('tells nobody from somebody who does not answer', async () => {
    expect(await QmpClient.connect('/nowhere/qmp.sock')).toMatchObject({
      ok: false,
      problem: { kind: 'qmp-absent' },
    });
  });

  it('drops a peer that sends no JSON', async () => {
    const { fake, client } = await monitor(() => 'silence');
    const waiting = client.execute('never');
    fake.raw('this is no JSON\n');
    expect(await waiting).toMatchObject({ ok: false, problem: { kind: 'qmp-closed' } });
  });
});
