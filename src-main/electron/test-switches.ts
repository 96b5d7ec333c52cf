/**
 * What only the window tests need. False in packaged builds that leave the house: esbuild replaces the constant and
 * drops what hangs on it (docs/packaging.md).
 */
declare const TEST_SWITCHES: boolean;

/** A Node to run the core in, where the Electron at hand is too old for better-sqlite3. */
export const testNode = (): string | undefined =>
  TEST_SWITCHES ? process.env.UNDERSTUDY_TEST_NODE : undefined;

/**
 * Waits until Playwright has attached: it calls `__playwright_run` when it has. A window that opens while it attaches
 * is missed about once in twenty-five launches, and the launch then hangs.
 */
export async function heldForTest(): Promise<void> {
  if (!TEST_SWITCHES || !process.env.UNDERSTUDY_TEST_HOLD) return;
  await new Promise<void>((resolve) => Reflect.set(globalThis, '__playwright_run', resolve));
}
