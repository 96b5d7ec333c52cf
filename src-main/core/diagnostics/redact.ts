/** Stands where something secret stood. */
export const REMOVED = '[removed]';

/** Names whose values are nobody's business: in JSON, in query strings, in logs. */
const SECRET_NAME =
  /pass(word|wd|phrase)?$|^pass|secret|token|credential|private.?key|api.?key|^key$|authorization|cookie|definitions?$/i;

/** Shorter values of secrets occur by chance, and would tear other words apart. */
const MIN_SECRET = 4;

const RULES: readonly [RegExp, string][] = [
  // Whole blocks, also on one line as in JSON (\n as two characters).
  [/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z0-9 ]*PRIVATE KEY-----|$)/g, REMOVED],
  [/PuTTY-User-Key-File[\s\S]*?(Private-MAC: \S+|$)/g, REMOVED],
  // user:password@ in addresses.
  [/(\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@"']*):[^\s/@"']+@/gi, `$1:${REMOVED}@`],
  [/\b(Bearer|Basic)\s+[A-Za-z0-9+/_.=-]{6,}/g, `$1 ${REMOVED}`],
  // password=..., token: "...", --passphrase ..., passwd='...'
  [
    /\b([\w-]*(?:password|passwd|passphrase|secret|token|api[_-]?key|authorization))(["']?\s*[=:]\s*|\s+(?=["']))("[^"]*"|'[^']*'|[^\s,;&"'}\]]+)/gi,
    `$1$2${REMOVED}`,
  ],
  [/(--[\w-]*(?:password|passphrase|secret|token)[\w-]*)\s+(?!\[removed\])\S+/gi, `$1 ${REMOVED}`],
];

/** A text without passwords, tokens and private keys. `known`: secrets as they are, wherever they occur. */
export function redactText(text: string, known: readonly string[] = []): string {
  const literal = [...known]
    .filter((secret) => secret.length >= MIN_SECRET)
    .sort((a, b) => b.length - a.length)
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)]);
  const without = literal.reduce((rest, secret) => rest.split(secret).join(REMOVED), text);
  return RULES.reduce((rest, [pattern, instead]) => rest.replace(pattern, instead), without);
}

/** The same of anything JSON can hold: values under telling names go whole, every text is looked through. */
export function redact(value: unknown, known: readonly string[] = []): unknown {
  if (typeof value === 'string') return redactText(value, known);
  if (Array.isArray(value)) return value.map((each) => redact(each, known));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [
      redactText(name, known),
      SECRET_NAME.test(name) && isFilled(each) ? REMOVED : redact(each, known),
    ]),
  );
}

/** "none", "no" and counts are no secrets. */
const isFilled = (value: unknown): boolean =>
  (typeof value === 'string' && value !== '') || (typeof value === 'object' && value !== null);
