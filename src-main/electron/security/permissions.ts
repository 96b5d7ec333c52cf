import type { Session } from 'electron';

/** The console needs to write text to the clipboard; every other permission is refused. */
const ALLOWED = new Set(['clipboard-sanitized-write']);

/** Electron security checklist 5: handle session permission requests. */
export function restrictPermissions(session: Session): void {
  session.setPermissionRequestHandler((_contents, permission, decide) => decide(ALLOWED.has(permission)));
  session.setPermissionCheckHandler((_contents, permission) => ALLOWED.has(permission));
}
