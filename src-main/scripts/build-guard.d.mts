/** See build-guard.mjs. */
export function guardCompilers(): string[];
export function buildGuard(out?: string): {
  built: Partial<Record<'x64' | 'arm64', { file: string; sha256: string; bytes: number }>>;
  missing: string[];
};
