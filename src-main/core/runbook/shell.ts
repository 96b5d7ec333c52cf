const PLAIN = /^[A-Za-z0-9_@%+=:,./-]+$/;

/** One word of a POSIX shell; quoted only where it has to be, since it may be typed from paper. */
export const word = (text: string): string =>
  PLAIN.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

/** A program with its arguments, as they stand. */
export const line = (argv: readonly string[]): string => argv.map(word).join(' ');

/** A machine for virsh: by its name where that cannot be misread, else by its UUID. */
export const domain = ({ machine, uuid }: { machine: string; uuid: string }): string =>
  /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(machine) ? machine : uuid;
