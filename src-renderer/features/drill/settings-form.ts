import type { DrillCheck, DrillSettings } from '../../../agent/protocol/drill.ts';
import { m } from '../../lib/messages.ts';

interface Entered {
  kind: DrillCheck['kind'];
  port: string;
  path: string;
  every: DrillSettings['every'];
  hour: number;
  maxAge: string;
}

interface Read {
  /** Null while something is wrong. */
  settings: DrillSettings | null;
  portProblem: string | null;
  pathProblem: string | null;
  maxAgeProblem: string | null;
}

/** What was entered, with what is wrong with it said at its field. */
export function settingsFrom({ kind, port, path, every, hour, maxAge }: Entered): Read {
  const words = m.drill.form;
  const number = wholeNumber(port, 65_535);
  const days = wholeNumber(maxAge, 730);
  const portProblem = (kind === 'tcp' || kind === 'http') && number === null ? words.portWrong : null;
  const pathProblem = kind === 'http' && !/^\/\S{0,200}$/.test(path) ? words.pathWrong : null;
  const maxAgeProblem = days === null ? words.maxAgeWrong : null;
  const problems = { portProblem, pathProblem, maxAgeProblem };
  if (portProblem || pathProblem || days === null) return { settings: null, ...problems };
  const check = checkOf(kind, number ?? 80, path);
  return { settings: { check, every, hour, maxAgeDays: days }, ...problems };
}

function checkOf(kind: DrillCheck['kind'], port: number, path: string): DrillCheck {
  if (kind === 'http') return { kind, port, path };
  return kind === 'tcp' ? { kind, port } : { kind };
}

function wholeNumber(text: string, most: number): number | null {
  const value = /^\d{1,5}$/.test(text.trim()) ? Number(text) : 0;
  return value >= 1 && value <= most ? value : null;
}
