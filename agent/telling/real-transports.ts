import { sendMail } from './smtp.ts';
import type { Transports } from './transports.ts';
import { callHook } from './webhook.ts';

/** Mail and webhook as a real host sends them. */
export const realTransports: Transports = { simulated: false, mail: sendMail, hook: callHook };
