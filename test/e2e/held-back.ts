import type { Page } from '@playwright/test';

/** Holds back what the console answers to `method`, from the next page load on; returns what lets it through. */
export async function holdBack(page: Page, method: string): Promise<() => void> {
  const asked = new Set<unknown>();
  const held: (() => void)[] = [];
  let open = false;
  await page.routeWebSocket(/\/ws/, (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((text) => {
      const message = JSON.parse(String(text));
      if (message.method === method) asked.add(message.id);
      server.send(text);
    });
    server.onMessage((text) => {
      const pass = (): void => socket.send(text);
      const { t, id } = JSON.parse(String(text));
      if (!open && t !== 'event' && asked.has(id)) held.push(pass);
      else pass();
    });
  });
  return () => {
    open = true;
    for (const pass of held.splice(0)) pass();
  };
}
