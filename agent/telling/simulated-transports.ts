import { ok, type Result } from '../protocol/index.ts';
import type { Sent, Transports } from './transports.ts';

const kept = async (): Promise<Result<Sent>> =>
  ok({ answer: 'Kept on the practice host; nothing was sent.', problem: null });

/** Of practice hosts: what would be sent is only kept to be looked at. */
export const simulatedTransports: Transports = { simulated: true, mail: kept, hook: kept };
