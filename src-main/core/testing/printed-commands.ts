/** A command as it stands in the printed page. */
export interface PrintedCommand {
  pairId: string;
  procedure: string;
  host: string;
  run: string;
  expect: string | null;
  until: boolean;
  mayFail: boolean;
  /** Only when that host answers. */
  ifAnswers: string | null;
}

const plain = (text: string): string =>
  text
    .replaceAll('&#39;', "'")
    .replaceAll('&quot;', '"')
    .replaceAll('&gt;', '>')
    .replaceAll('&lt;', '<')
    .replaceAll('&amp;', '&');

const PARTS =
  /<section class="sheet" data-pair="([^"]*)">|<section class="procedure" data-procedure="([^"]*)">|<li(?: data-if-answers="([^"]*)")?>|<code data-host="([^"]*)"([^>]*)>([^<]*)<\/code>/g;

/**
 * The commands of a page that `htmlOf` made, in the order in which they are given. For whoever tries the page out
 * (test/lab/runbook.test.ts): what is on paper is what is read here.
 */
export function readCommands(html: string): PrintedCommand[] {
  const found: PrintedCommand[] = [];
  let [pairId, procedure, ifAnswers] = ['', '', null as string | null];
  for (const [, pair, way, answers, host, attributes = '', run = ''] of html.matchAll(PARTS)) {
    if (pair !== undefined) pairId = plain(pair);
    else if (way !== undefined) procedure = way;
    else if (host === undefined) ifAnswers = answers === undefined ? null : plain(answers);
    else
      found.push({
        ...{ pairId, procedure, ifAnswers },
        host: plain(host),
        run: plain(run),
        expect: attribute(attributes, 'data-expect'),
        until: attributes.includes(' data-until='),
        mayFail: attributes.includes(' data-may-fail='),
      });
  }
  return found;
}

function attribute(attributes: string, name: string): string | null {
  const value = new RegExp(`${name}="([^"]*)"`).exec(attributes)?.[1];
  return value === undefined ? null : plain(value);
}

/** Whether an output shows what is expected, as whole words: “active” is not in “inactive”. */
export function shows(output: string, expected: string): boolean {
  const literal = expected.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`(^|[^A-Za-z0-9])${literal}($|[^A-Za-z0-9])`, 'm').test(output);
}
