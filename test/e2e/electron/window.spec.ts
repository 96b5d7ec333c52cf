import { expect, test } from '@playwright/test';
import { type RunningApp, startDisplay, startElectron } from '../electron-app.ts';

let screen: Awaited<ReturnType<typeof startDisplay>>;
let running: RunningApp;

test.beforeAll(async () => {
  screen = await startDisplay();
  running = await startElectron({ display: screen.display });
});
test.afterAll(async () => {
  await running?.close();
  screen?.stop();
});

test('opens on the first page, from its own protocol', async () => {
  await expect(running.page.getByRole('heading', { level: 1 })).toBeVisible();
  expect(running.page.url()).toMatch(/^understudy:\/\/app\//);
});

test('keeps Node away from the page', async () => {
  const seen = await running.page.evaluate(() => ({
    require: typeof Reflect.get(globalThis, 'require'),
    process: typeof Reflect.get(globalThis, 'process'),
    bridge: Object.keys(Reflect.get(globalThis, 'understudy') as object).sort(),
  }));
  expect(seen).toEqual({ require: 'undefined', process: 'undefined', bridge: ['listen', 'post'] });
});

test('refuses inline script, foreign pages and new windows', async () => {
  const { page, app } = running;
  const blocked = await page.evaluate(async () => {
    const violation = new Promise<string>((resolve) => {
      document.addEventListener('securitypolicyviolation', (event) => resolve(event.effectiveDirective), {
        once: true,
      });
    });
    const script = document.createElement('script');
    script.textContent = 'globalThis.ranInline = true';
    document.body.append(script);
    return { directive: await violation, ran: Reflect.get(globalThis, 'ranInline') ?? false };
  });
  expect(blocked).toEqual({ directive: 'script-src-elem', ran: false });
  await page.evaluate(() => {
    window.open('http://127.0.0.1:9/');
    location.href = 'http://127.0.0.1:9/';
  });
  expect(page.url()).toMatch(/^understudy:\/\/app\//);
  expect(app.windows()).toHaveLength(1);
});

test('runs with sandbox and context isolation on, without Node', async () => {
  const preferences = await running.app.evaluate(({ BrowserWindow }) => {
    const contents = BrowserWindow.getAllWindows()[0]?.webContents as unknown as {
      getLastWebPreferences(): Record<string, unknown>;
    };
    const { sandbox, contextIsolation, nodeIntegration, webSecurity } = contents.getLastWebPreferences();
    return { sandbox, contextIsolation, nodeIntegration, webSecurity };
  });
  expect(preferences).toEqual({
    sandbox: true,
    contextIsolation: true,
    nodeIntegration: false,
    webSecurity: true,
  });
});

test('refuses permissions the console does not need', async () => {
  const state = await running.page.evaluate(
    async () => (await navigator.permissions.query({ name: 'geolocation' })).state,
  );
  expect(state).toBe('denied');
});

test('comes back to the same place after a reload', async () => {
  await running.page.reload();
  await expect(running.page.getByRole('heading', { level: 1 })).toBeVisible();
});
