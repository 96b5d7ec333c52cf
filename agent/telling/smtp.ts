import { hostname } from 'node:os';
import { rootCertificates } from 'node:tls';
import { fail, type MailSettings, ok, type Problem, type Result } from '../protocol/index.ts';
import { type Letter, oneLine, type Sent } from './transports.ts';

/** A server that hangs is given up; another attempt follows. */
const LIMITS_MS = { connect: 10_000, greeting: 10_000, idle: 20_000, all: 30_000 } as const;

/** Sends one mail, and ends the connection. */
export async function sendMail(
  letter: Letter,
  to: MailSettings,
  password: string | null,
): Promise<Result<Sent>> {
  // Loaded by the first mail: most agents never send one.
  const { createTransport } = await import('nodemailer');
  const transport = createTransport({
    host: to.host,
    port: to.port,
    secure: to.tls === 'tls',
    // Without it a server, or somebody on the way, could talk us out of it.
    requireTLS: to.tls === 'starttls',
    ignoreTLS: to.tls === 'none',
    // Beside the public ones, not in their place.
    ...(to.ca === undefined ? {} : { tls: { ca: [...rootCertificates, to.ca] } }),
    ...(to.user === '' ? {} : { auth: { user: to.user, pass: password ?? '' } }),
    name: hostname(),
    connectionTimeout: LIMITS_MS.connect,
    greetingTimeout: LIMITS_MS.greeting,
    socketTimeout: LIMITS_MS.idle,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  let limit: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    limit = setTimeout(() => {
      transport.close();
      reject(Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' }));
    }, LIMITS_MS.all);
  });
  try {
    const sending = transport.sendMail(mailOf(letter, to));
    // Once it is given up nobody waits for it any more.
    sending.catch(() => undefined);
    const info = await Promise.race([sending, late]);
    return ok({ answer: oneLine(info.response), problem: refused(info.rejected.map(nameOf), to) });
  } catch (error) {
    return fail(mailProblem(error, to));
  } finally {
    clearTimeout(limit);
    transport.close();
  }
}

const nameOf = (address: string | { address: string }): string =>
  typeof address === 'string' ? address : address.address;

function mailOf(letter: Letter, to: MailSettings) {
  return {
    from: { name: 'Understudy', address: to.from },
    to: to.to,
    subject: oneLine(letter.subject),
    text: letter.text,
    date: new Date(letter.at),
    messageId: `<${letter.id}@${letter.self.hostId}.understudy.invalid>`,
    ...(letter.urgent ? { priority: 'high' as const } : {}),
    headers: {
      // Out-of-office answers to a machine help nobody (RFC 3834).
      'Auto-Submitted': 'auto-generated',
      'X-Understudy-Host': oneLine(letter.self.name, 100),
    },
  };
}

function refused(addresses: string[], { host }: MailSettings): Problem | null {
  if (addresses.length === 0) return null;
  return {
    kind: 'mail-partly-refused',
    message: `${host} took the mail, but not for ${addresses.join(', ')}.`,
    next: 'Look at these addresses in the settings.',
  };
}

interface SmtpError {
  code?: string;
  response?: string;
  message?: string;
}

/** In words, with what the server said: it is mostly the only one who knows. */
function mailProblem(error: unknown, { host, port, tls }: MailSettings): Problem {
  const { code = '', response, message = String(error) } = (error ?? {}) as SmtpError;
  const said = oneLine(response ?? message, 200);
  const where = `${host}, port ${port}`;
  const details = { code, said };
  if (code === 'EAUTH')
    return {
      kind: 'mail-login',
      message: `${host} does not take user and password: ${said}`,
      next: 'Check both; some providers want an application password.',
      field: 'user',
      details,
    };
  if (code === 'EENVELOPE')
    return {
      kind: 'mail-refused',
      message: `${host} does not take mail from this sender to these receivers: ${said}`,
      next: 'Check the addresses, and whether the server wants a log-in.',
      field: 'from',
      details,
    };
  if (code === 'EDNS' || /ENOTFOUND|EAI_AGAIN/.test(message))
    return {
      kind: 'mail-unknown-host',
      message: `This host finds no address for ${host}.`,
      next: 'Check the name, and name resolution on this host.',
      field: 'host',
      details,
    };
  if (code === 'ETLS' || /certificate|SSL|TLS|self.signed/i.test(message))
    return {
      kind: 'mail-tls',
      message: `No encrypted connection to ${where} comes about: ${said}`,
      next:
        tls === 'tls'
          ? 'Check the port (465 is usual with TLS from the first byte); give the certificate of a server of your own.'
          : 'Check the port (587 is usual with STARTTLS); give the certificate of a server of your own.',
      field: 'tls',
      details,
    };
  if (code === 'EMESSAGE')
    return {
      kind: 'mail-refused',
      message: `${host} refuses the mail: ${said}`,
      next: 'Ask who runs the mail server.',
      details,
    };
  return {
    kind: 'mail-unreachable',
    message: `${where} gives no proper answer: ${said}`,
    next: 'Check name and port, and whether a firewall lets this host through.',
    field: 'host',
    details,
  };
}
