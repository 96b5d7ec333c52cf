/** Seconds of the three waves a load is made of: coprime, so that it does not visibly repeat. */
const PERIODS_S = [47, 131, 389];

/** 0..1, the same for the same text. FNV-1a. */
export function seedOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0) / 0x1_0000_0000;
}

/** A load that moves gently around `typical` (0..1) as time passes. */
export function gentleLoad(typical: number, seed: number, wallMs: number): number {
  let wave = 0;
  for (const [index, period] of PERIODS_S.entries())
    wave += Math.sin((2 * Math.PI * wallMs) / (period * 1000) + seed * 40 * (index + 1)) / PERIODS_S.length;
  const swing = Math.min(typical, 1 - typical) * 0.45;
  return Math.round((typical + swing * wave) * 1000) / 1000;
}
