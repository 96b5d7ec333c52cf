import { connect } from 'node:net';
import WebSocket from 'ws';
import type { FromPage } from '../contract/index.ts';
import { doorOf } from './place.ts';

export interface Knocked {
  post(message: FromPage): void;
  close(): void;
}

export interface KnockEvents {
  onMessage(message: unknown): void;
  onLost(): void;
}

/** The console that runs on this data folder; null when none does. */
export async function knock(dataDir: string, events: KnockEvents): Promise<Knocked | null> {
  const place = doorOf(dataDir, process.platform);
  if (place === null) return null;
  const socket = new WebSocket('ws://console/', {
    createConnection: () => connect(place),
    perMessageDeflate: false,
  });
  const opened = await new Promise<boolean>((resolve) => {
    socket.once('open', () => resolve(true));
    socket.once('error', () => resolve(false));
  });
  if (!opened) return null;
  socket.on('error', () => undefined);
  socket.on('message', (data) => events.onMessage(JSON.parse(String(data))));
  socket.on('close', () => events.onLost());
  return {
    post: (message) => socket.send(JSON.stringify(message)),
    close: () => socket.close(),
  };
}
