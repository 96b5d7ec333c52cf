import type { PairView, VmView } from '../../../src-main/contract/index.ts';

/** What stands in a row of the picture. */
interface Placed {
  /** Index of the lane; as many as there are lanes: in the wings. */
  lane: number;
  hostId: string;
}
export type Seat =
  /** The pair's machine belongs here: it runs here, or did when last heard. */
  | ({ kind: 'primary'; vm: VmView | null } & Placed)
  | ({ kind: 'standby' } & Placed)
  /** A machine without a standby. */
  | ({ kind: 'alone'; vm: VmView } & Placed);

/** So many machines of a folded group at one place. */
export interface CountSeat {
  lane: number;
  runs: number;
  standbys: number;
  troubled: number;
}

export interface MachineRow {
  kind: 'machines';
  key: string;
  pair: PairView | null;
  seats: Seat[];
}
/** The head of a group; `folded`: its machines are counted in the row below. */
export interface HeadRow {
  kind: 'head';
  key: string;
  name: string;
  /** To bring forward when it is unfolded; null: a site, or machines without a standby. */
  hostId: string | null;
  machines: number;
  troubled: number;
  folded: boolean;
}
export interface CountRow {
  kind: 'counts';
  key: string;
  seats: CountSeat[];
}
export type Row = MachineRow | HeadRow | CountRow;

/** Where each host stands. */
export interface StagePlan {
  laneOf(hostId: string): number;
  /** It has a lane of full width. */
  isFull(hostId: string): boolean;
  wings: number;
}
