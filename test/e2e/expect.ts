import { expect as base } from '@playwright/test';

/** Patient with two busy cores, also outside of Playwright's own runner (screens, the lab's story). */
export const expect = base.configure({ timeout: 20_000 });
