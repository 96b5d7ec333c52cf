import type { Problem } from '../../../agent/protocol/problem.ts';
import type { HostDefaults, Login } from '../../../src-main/contract/index.ts';
import { m } from '../../lib/messages.ts';

export type Method = 'same' | 'password' | 'key' | 'agent';

/** What the person typed; kept as typed, also when a later step sends them back. */
export interface HostForm {
  address: string;
  port: string;
  user: string;
  method: Method;
  password: string;
  keyPath: string;
  passphrase: string;
  sudoPassword: string;
}

/** Messages by field; '' stands for the form as a whole. */
export type FieldProblems = Partial<Record<keyof HostForm | 'name' | 'typed', string>>;

export const emptyForm = (): HostForm => ({
  address: '',
  port: '22',
  user: 'root',
  method: 'password',
  password: '',
  keyPath: '',
  passphrase: '',
  sudoPassword: '',
});

/** What this machine proposes, for what nobody has filled in yet: it may come after somebody has begun to type. */
export function withDefaults(form: HostForm, defaults: HostDefaults): HostForm {
  const untouched = emptyForm();
  const or = (key: 'user' | 'port' | 'keyPath', proposed: string): string =>
    form[key] === untouched[key] ? proposed : form[key];
  // Whoever is typing a password has chosen.
  const chosen = form.password !== untouched.password || form.method !== untouched.method;
  const method = defaults.reuseSecretOf === null ? defaults.method : 'same';
  return {
    ...form,
    user: or('user', defaults.user || 'root'),
    port: or('port', String(defaults.port || 22)),
    method: chosen ? form.method : method,
    keyPath: or('keyPath', defaults.keyPath || (defaults.keyFiles[0] ?? '')),
  };
}

/** "root@atlas:2222" typed into the address field is taken apart. */
export function splitAddress(form: HostForm): HostForm {
  const match = /^(?:([^@\s]+)@)?(\[[^\]]+\]|[^:\s]+)(?::(\d+))?$/.exec(form.address.trim());
  if (!match) return { ...form, address: form.address.trim() };
  const [, user, address = '', port] = match;
  return {
    ...form,
    address: address.replace(/^\[|\]$/g, ''),
    user: user ?? form.user,
    port: port ?? form.port,
  };
}

export function validate(form: HostForm): FieldProblems {
  const found: FieldProblems = {};
  const words = m.addHost;
  if (form.address === '') found.address = words.addressMissing;
  else if (/\s/.test(form.address)) found.address = words.addressSpaces;
  if (portOf(form) === null) found.port = words.portBad;
  if (form.method !== 'same' && form.user.trim() === '') found.user = words.userMissing;
  if (form.method === 'password' && form.password === '') found.password = words.passwordMissing;
  if (form.method === 'key' && form.keyPath.trim() === '') found.keyPath = words.keyPathMissing;
  return found;
}

/** Null when what was typed is no port. */
export function portOf(form: HostForm): number | null {
  const port = Number(form.port);
  return /^\d{1,5}$/.test(form.port.trim()) && port >= 1 && port <= 65_535 ? port : null;
}

/** Null: the log-in of an earlier host is used again. */
export function loginOf(form: HostForm): Login | null {
  switch (form.method) {
    case 'same':
      return null;
    case 'agent':
      return { method: 'agent' };
    case 'password':
      return { method: 'password', password: form.password };
    case 'key':
      return {
        method: 'key',
        path: form.keyPath.trim(),
        ...(form.passphrase ? { passphrase: form.passphrase } : {}),
      };
  }
}

const FIELDS: readonly string[] = [...Object.keys(emptyForm()), 'name'];

/** Where a failure is shown: at its field when it has one, otherwise above the form. */
export function placeProblem(problem: Problem): { fields: FieldProblems; above: Problem | null } {
  if (problem.field === undefined || !FIELDS.includes(problem.field)) return { fields: {}, above: problem };
  return { fields: { [problem.field]: `${problem.message} ${problem.next}` }, above: null };
}
