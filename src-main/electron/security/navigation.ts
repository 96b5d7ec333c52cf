import { type App, shell } from 'electron';
import { isOwnPage } from './origin.ts';

/**
 * The window shows the console and nothing else: no navigation away, no new windows, no webviews.
 * Electron security checklist 13, 14 and 12: https://www.electronjs.org/docs/latest/tutorial/security
 */
export function forbidNavigation(app: App): void {
  app.on('web-contents-created', (_event, contents) => {
    contents.on('will-navigate', (event, url) => {
      if (!isOwnPage(url)) event.preventDefault();
    });
    contents.on('will-attach-webview', (event) => event.preventDefault());
    contents.setWindowOpenHandler(({ url }) => {
      // Links to documentation leave for the person's own browser; anything but the web goes nowhere.
      if (url.startsWith('https://')) void shell.openExternal(url);
      return { action: 'deny' };
    });
  });
}
