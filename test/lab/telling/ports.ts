/** Of the mail server; the next port is one that wants a log-in. */
export const SMTP_PORT = 2525;
export const LOGIN = 'ada:correct horse';
export const HOOK_PORT = 8088;
