import { BrowserWindow } from 'electron';

/** A page that takes longer than this to load is not printed, ms. */
const LOAD_MS = 60_000;

/**
 * A local HTML file as PDF (A4), by a window that nobody sees: no script runs in it, and it has nothing of Node. Rejects when it
 * cannot be loaded.
 */
export async function pdfOf(file: string): Promise<Buffer> {
  const window = new BrowserWindow({
    show: false,
    webPreferences: { sandbox: true, contextIsolation: true, nodeIntegration: false, javascript: false },
  });
  const limit = setTimeout(() => window.destroy(), LOAD_MS);
  try {
    await window.loadFile(file);
    return await window.webContents.printToPDF({ pageSize: 'A4', printBackground: true });
  } finally {
    clearTimeout(limit);
    if (!window.isDestroyed()) window.destroy();
  }
}
