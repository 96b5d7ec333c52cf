import { contextBridge, ipcRenderer } from 'electron';

/** All the page gets: one way out, one way in. What travels is validated by the contract on both ends. */
contextBridge.exposeInMainWorld('understudy', {
  post: (message: unknown): void => ipcRenderer.send('page', message),
  listen: (callback: (message: unknown) => void): void => {
    ipcRenderer.on('core', (_event, message: unknown) => callback(message));
    ipcRenderer.send('page-ready');
  },
});
