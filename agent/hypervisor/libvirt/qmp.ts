import { fail, ok, type Result } from '../../protocol/index.ts';

/** A QMP reply (QEMU: docs/interop/qmp-spec.txt): `{"return": ...}` or `{"error": {"class", "desc"}}`. */
export function parseQmpReply(text: string, command: string, name: string): Result<unknown> {
  const reply = parsed(text);
  if (reply && 'return' in reply) return ok(reply.return);
  const error = reply && isRecord(reply.error) ? reply.error : {};
  const desc = typeof error.desc === 'string' ? error.desc : 'its answer was not understood';
  return fail({
    kind: 'qmp-error',
    message: `QEMU of ${name} refused ${command}: ${desc}.`,
    next: 'Look at the details; when the machine is otherwise well, order it again.',
    details: { command, class: typeof error.class === 'string' ? error.class : '', desc },
  });
}

function parsed(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : null;
  } catch {
    return null;
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
