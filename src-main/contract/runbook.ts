import * as v from 'valibot';
import { method, nothing, PairId, Problem } from '../../agent/protocol/index.ts';

/** The offline runbook as it lies on this workstation. Times are wall clock, ms. */
export const RunbookStatus = v.object({
  /** Since when it is as it is; null before the first time since this console started, and with a practice fleet. */
  writtenAt: v.nullable(v.number()),
  /** Where it lies: in the console's folder, and in the one the person named. */
  files: v.array(v.string()),
  /** The folder a person named besides; null: none. */
  folder: v.nullable(v.string()),
  machines: v.number(),
  /** Why it could not be written; null when it could. */
  problem: v.nullable(Problem),
});
export type RunbookStatus = v.InferOutput<typeof RunbookStatus>;

/** What the page shows: HTML made by the core, everything in it escaped, no scripts and no styles. */
export const RunbookPage = v.object({
  body: v.string(),
  status: RunbookStatus,
  /** Too many machines for one page: it has the hosts only; one of them is asked for, or the file. */
  tooMany: v.boolean(),
  machines: v.array(v.object({ pairId: v.string(), name: v.string() })),
});
export type RunbookPage = v.InferOutput<typeof RunbookPage>;

/** The offline runbook. */
export const runbookMethods = {
  /** The offline runbook: what is done by hand when console and agents are gone. `pairId` null: of all machines. */
  'runbook.page': method(v.object({ pairId: v.nullable(PairId) }), RunbookPage, 20_000),
  /** The same as a page that stands by itself. */
  'runbook.file': method(nothing, v.object({ name: v.string(), text: v.string() }), 20_000),
  /** Where it is written besides; null: nowhere. */
  'runbook.folder': method(v.object({ folder: v.nullable(v.string()) }), RunbookStatus, 20_000),
} as const;
