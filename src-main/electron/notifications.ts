import { Notification } from 'electron';
import type { Client } from '../contract/client.ts';

export interface NotificationOptions {
  desk: Client;
  icon: string;
  /** The window shows what happens itself. */
  inView(): boolean;
  /** Brings the window to the front, at that place. */
  show(place: string): void;
}

/** Shown notifications must be held, or their click is lost with them. */
const MOST_HELD = 20;

/** What happens while nobody looks at the window; never a question. */
export function showNotifications({ desk, icon, inView, show }: NotificationOptions): void {
  const held: Notification[] = [];
  desk.on('notice', ({ title, text, tone, place }) => {
    if (inView() || !Notification.isSupported()) return;
    const shown = new Notification({
      title,
      body: text,
      icon,
      urgency: tone === 'danger' ? 'critical' : 'normal',
    });
    shown.on('click', () => show(place));
    held.push(shown);
    if (held.length > MOST_HELD) held.shift();
    shown.show();
  });
}
