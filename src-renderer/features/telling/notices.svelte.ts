import { router } from '../../lib/place.svelte.ts';
import { session } from '../../lib/session.svelte.ts';

type Permission = 'unsupported' | NotificationPermission;

const current = (): Permission =>
  typeof Notification === 'undefined' ? 'unsupported' : Notification.permission;

/** Notifications of a browser; the desktop application shows its own. */
class Notices {
  permission = $state<Permission>(current());
  readonly byShell = window.understudy !== undefined;

  /** Browsers ask the person only when he has just clicked: call it from a button. */
  async ask(): Promise<void> {
    if (typeof Notification !== 'undefined') this.permission = await Notification.requestPermission();
  }

  /** From here on what happens is shown while nobody looks at the page. */
  start(): () => void {
    const ends = [
      session.client.on('go', ({ place }) => go(place)),
      session.client.on('notice', ({ id, title, text, place }) => {
        if (this.byShell || current() !== 'granted' || isInView()) return;
        const shown = new Notification(title, { body: text, tag: `understudy-${id}` });
        shown.onclick = () => {
          window.focus();
          go(place);
          shown.close();
        };
      }),
    ];
    return () => {
      for (const end of ends) end();
    };
  }
}

const isInView = (): boolean => document.visibilityState === 'visible' && document.hasFocus();

/** Only places of this page. */
function go(place: string): void {
  if (place.startsWith('#/')) router.go(place);
}

export const notices = new Notices();
