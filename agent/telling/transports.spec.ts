import { createServer } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { MailSettings } from '../protocol/index.ts';
import { sendMail } from './smtp.ts';
import { openHookSink } from './testing/hook-sink.ts';
import { ownCertificate } from './testing/own-certificate.ts';
import { openSmtpSink } from './testing/smtp-sink.ts';
import type { Letter } from './transports.ts';
import { callHook, signature } from './webhook.ts';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

const letter: Letter = {
  id: 'm-1',
  at: Date.UTC(2026, 10, 30, 3, 2, 11),
  subject: '[Understudy] web runs on boreas now\r\nBcc: thief@example.org',
  text: 'web runs on boreas now. Grüße.\n.\nstill there\n',
  urgent: true,
  details: { severity: 'urgent' },
  self: { hostId: 'h-boreas', name: 'boreas' },
};

async function mailSink(login?: string) {
  const sink = await openSmtpSink(login === undefined ? {} : { login });
  ends.push(() => sink.close());
  const to: MailSettings = {
    host: '127.0.0.1',
    port: sink.port,
    tls: 'none',
    user: '',
    from: 'understudy@example.org',
    to: ['ada@example.org', 'bob@example.org'],
  };
  return { sink, to };
}

test('a mail arrives whole, under a stable id, and nothing in it becomes a header', async () => {
  const { sink, to } = await mailSink();
  expect(await sendMail(letter, to, null)).toEqual({
    ok: true,
    value: { answer: '250 2.0.0 Ok: kept', problem: null },
  });
  const [mail] = sink.mails;
  expect(mail).toMatchObject({ from: to.from, to: to.to, login: null });
  expect(mail?.text.trimEnd()).toBe(letter.text.trimEnd());
  expect(mail?.headers).toMatchObject({
    'message-id': '<m-1@h-boreas.understudy.invalid>',
    subject: '[Understudy] web runs on boreas now Bcc: thief@example.org',
    'auto-submitted': 'auto-generated',
    date: 'Mon, 30 Nov 2026 03:02:11 +0000',
  });
  expect(mail?.headers).not.toHaveProperty('bcc');
});

test('a log-in is given, and a refused one is said without the password', async () => {
  const { sink, to } = await mailSink('ada:hunter2');
  expect(await sendMail(letter, { ...to, user: 'ada' }, 'hunter2')).toMatchObject({ ok: true });
  expect(sink.mails[0]?.login).toBe('ada:hunter2');
  const wrong = await sendMail(letter, { ...to, user: 'ada' }, 'sesame-17');
  expect(wrong).toMatchObject({ ok: false, problem: { kind: 'mail-login', field: 'user' } });
  expect(JSON.stringify(wrong)).not.toContain('sesame-17');
});

test('a receiver that the server does not know is named, the others have it', async () => {
  const { sink, to } = await mailSink();
  const sent = await sendMail(letter, { ...to, to: ['ada@example.org', 'unknown@example.org'] }, null);
  expect(sent).toMatchObject({ ok: true, value: { problem: { kind: 'mail-partly-refused' } } });
  expect(sink.mails[0]?.to).toEqual(['ada@example.org']);
});

test('a server that offers no encryption is given nothing', async () => {
  const { sink, to } = await mailSink('ada:hunter2');
  const sent = await sendMail(letter, { ...to, tls: 'starttls', user: 'ada' }, 'hunter2');
  expect(sent).toMatchObject({ ok: false, problem: { kind: 'mail-tls', field: 'tls' } });
  expect(sink.mails).toEqual([]);
});

test("a server of one's own is trusted by its certificate, and by nothing else", async () => {
  const tls = await ownCertificate();
  const sink = await openSmtpSink({ tls });
  ends.push(() => sink.close());
  const to: MailSettings = {
    host: '127.0.0.1',
    port: sink.port,
    tls: 'tls',
    user: '',
    from: 'u@example.org',
    to: ['ada@example.org'],
  };
  expect(await sendMail(letter, to, null)).toMatchObject({ problem: { kind: 'mail-tls', field: 'tls' } });
  const other = { ...to, ca: (await ownCertificate()).cert };
  expect(await sendMail(letter, other, null)).toMatchObject({ problem: { kind: 'mail-tls' } });
  expect(sink.mails).toEqual([]);
  expect(await sendMail(letter, { ...to, ca: tls.cert }, null)).toMatchObject({ ok: true });
  expect(sink.mails).toHaveLength(1);
});

test('a refusal says what the server said; nobody there says so', async () => {
  const { sink, to } = await mailSink();
  sink.mode = 'refuse';
  const refused = await sendMail(letter, to, null);
  expect(refused).toMatchObject({ ok: false, problem: { kind: 'mail-refused' } });
  expect(refused.ok || refused.problem.message).toContain('mailbox full');
  await sink.close();
  ends.length = 0;
  expect(await sendMail(letter, to, null)).toMatchObject({
    ok: false,
    problem: { kind: 'mail-unreachable' },
  });
});

test('a webhook is called once, with its secret header, signed over time and body', async () => {
  const sink = await openHookSink();
  ends.push(() => sink.close());
  const secrets = { headerValue: 'Bearer token-1', signingKey: 'key-1' };
  const sent = await callHook(letter, { url: sink.url, header: 'Authorization' }, secrets);
  expect(sent).toEqual({ ok: true, value: { answer: '200 OK: ok', problem: null } });
  const [call] = sink.calls;
  expect(call?.headers.authorization).toBe('Bearer token-1');
  expect(call?.headers['understudy-delivery']).toBe('m-1');
  const given = String(call?.headers['understudy-signature']);
  const at = Number(/^t=(\d+),/.exec(given)?.[1]);
  expect(Math.abs(at - Date.now() / 1000)).toBeLessThan(60);
  expect(given).toBe(signature('key-1', at, call?.body ?? ''));
  expect(JSON.parse(call?.body ?? '')).toMatchObject({ id: 'm-1', severity: 'urgent', host: letter.self });
});

test('a webhook that points elsewhere, refuses or is not there is a problem with a next step', async () => {
  const sink = await openHookSink();
  ends.push(() => sink.close());
  const to = { url: sink.url, header: '' };
  const secrets = { headerValue: null, signingKey: null };
  sink.answer = { status: 302, headers: { Location: 'http://127.0.0.1:1/' } };
  expect(await callHook(letter, to, secrets)).toMatchObject({
    problem: { kind: 'hook-elsewhere', field: 'url' },
  });
  sink.answer = { status: 403, body: 'no' };
  expect(await callHook(letter, to, secrets)).toMatchObject({ problem: { kind: 'hook-login' } });
  sink.answer = { status: 500, body: 'x'.repeat(1_000_000) };
  const failed = await callHook(letter, to, secrets);
  expect(failed).toMatchObject({ problem: { kind: 'hook-refused' } });
  expect(JSON.stringify(failed).length).toBeLessThan(1_000);
  expect(await callHook(letter, { ...to, url: await closedPort() }, secrets)).toMatchObject({
    problem: { kind: 'hook-unreachable' },
  });
});

/** An address at which nobody listens any more. */
async function closedPort(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/`;
}
