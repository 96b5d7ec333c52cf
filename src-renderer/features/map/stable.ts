import type { MachineRow, Row, Seat } from './rows.ts';

/** The rows again, each the same object as before where nothing of it changed: only the others are drawn anew. */
export function stableRows(before: readonly Row[], after: readonly Row[]): Row[] {
  const known = new Map(before.map((row) => [row.key, row]));
  return after.map((row) => {
    const old = known.get(row.key);
    return old !== undefined && isSame(old, row) ? old : row;
  });
}

function isSame(a: Row, b: Row): boolean {
  if (a.kind === 'machines' && b.kind === 'machines') return isSameMachine(a, b);
  return JSON.stringify(a) === JSON.stringify(b);
}

function isSameMachine(a: MachineRow, b: MachineRow): boolean {
  return (
    a.pair === b.pair &&
    a.seats.length === b.seats.length &&
    a.seats.every((seat, index) => isSameSeat(seat, b.seats[index]))
  );
}

function isSameSeat(a: Seat, b: Seat | undefined): boolean {
  if (b === undefined || a.kind !== b.kind || a.lane !== b.lane || a.hostId !== b.hostId) return false;
  return vmOf(a) === vmOf(b);
}

const vmOf = (seat: Seat) => (seat.kind === 'standby' ? null : seat.vm);
