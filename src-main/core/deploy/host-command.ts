/**
 * One named thing the console does on a host by a shell script. The first line of every script says which and with
 * what, as a no-op: it names the script in the host's own logs, and lets practice hosts answer without a shell.
 */
export interface HostCommand<P, R> {
  readonly name: string;
  script(params: P): string;
  /** Of a script that ended with status 0. */
  parse(stdout: string): R;
}

/** POSIX sh. `say key value` prints one `key=value` line; see `answersOf`. */
const PRELUDE = `set -eu
LC_ALL=C; export LC_ALL
PATH="\${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin"; export PATH
say() { printf '%s=%s\\n' "$1" "$2"; }
has() { command -v "$1" >/dev/null 2>&1; }
`;

export function hostCommand<P, R>(
  name: string,
  body: (params: P) => string,
  parse: (answers: Answers) => R,
): HostCommand<P, R> {
  return {
    name,
    script: (params) =>
      `: understudy ${name} ${Buffer.from(JSON.stringify(params)).toString('base64')}\n${PRELUDE}${body(params)}`,
    parse: (stdout) => parse(answersOf(stdout)),
  };
}

/** What a script said, by key. */
export interface Answers {
  /** '' when it was not said. */
  one(key: string): string;
  all(key: string): string[];
  number(key: string): number | null;
}

/** Lines that are no `key=value` are left aside: shell start-up files may print anything. */
export function answersOf(stdout: string): Answers {
  const values = new Map<string, string[]>();
  for (const line of stdout.split('\n')) {
    const [, key, value] = /^([a-z0-9.-]+)=(.*)$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) values.set(key, [...(values.get(key) ?? []), value.trim()]);
  }
  const all = (key: string): string[] => values.get(key) ?? [];
  const one = (key: string): string => all(key)[0] ?? '';
  return {
    one,
    all,
    number: (key) => (/^-?\d+(\.\d+)?$/.test(one(key)) ? Number(one(key)) : null),
  };
}

/** A word no shell touches. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
