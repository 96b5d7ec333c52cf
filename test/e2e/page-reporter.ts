import { readFileSync } from 'node:fs';
import type { Reporter, TestCase, TestResult } from '@playwright/test/reporter';

/** How much of it, characters: a page of two thousand machines is long. */
const MOST = 8_000;

/** Prints what was on the page when a test failed: of CI nothing but its output is left. */
export default class PageReporter implements Reporter {
  onTestEnd(test: TestCase, result: TestResult): void {
    if (result.status === 'passed' || result.status === 'skipped') return;
    for (const { name, path } of result.attachments)
      if (name === 'error-context' && path !== undefined)
        console.log(
          `\n--- the page of “${test.title}” ---\n${readFileSync(path, 'utf8').slice(0, MOST)}\n---`,
        );
  }

  printsToStdio(): boolean {
    return false;
  }
}
