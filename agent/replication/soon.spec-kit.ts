import { vi } from 'vitest';

/** Waits until the expectation holds; the limit only ends a test that has failed, on however slow a machine. */
export const soon = (expectation: () => void): Promise<void> => vi.waitFor(expectation, 15_000);
