import type { Command, HostLine, Procedure, Runbook, Sheet, Step } from './model.ts';
import { STYLE } from './style.ts';

export const safe = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');

const tag = (name: string, inside: string, attributes = ''): string =>
  `<${name}${attributes === '' ? '' : ` ${attributes}`}>${inside}</${name}>`;
const paragraphs = (all: readonly string[], kind = ''): string =>
  all.map((text) => tag('p', safe(text), kind === '' ? '' : `class="${kind}"`)).join('');

export const iso = (at: number): string => `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;

/** A page that stands by itself: no script, nothing from elsewhere. `at`: wall clock, ms. */
export function htmlOf(runbook: Runbook, at: number, version: string): string {
  const title = `Understudy: offline runbook, ${iso(at)}`;
  const head = [
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    tag('title', safe(title)),
    tag('style', STYLE),
  ].join('\n');
  const body = `<main class="runbook">\n<h1>Offline runbook</h1>\n${tag('p', `Written ${iso(at)} by Understudy ${safe(version)}.`, 'class="stamp"')}\n${bodyOf(runbook, true)}\n</main>`;
  return `<!doctype html>\n<html lang="en">\n<head>\n${head}\n</head>\n<body>\n${body}\n</body>\n</html>\n`;
}

/** What the file and the console's page have in common; `linked`: with a list of the machines, each a link to its sheet. */
export function bodyOf(runbook: Runbook, linked: boolean): string {
  const none = '<p>No machine is protected yet.</p>';
  return [
    runbook.practice ? paragraphs(['This is a practice fleet: none of these hosts exist.'], 'warning') : '',
    paragraphs(INTRODUCTION),
    tag('h2', 'Hosts', 'id="hosts"'),
    hostTable(runbook.hosts),
    tag('h2', 'Machines', 'id="machines"'),
    runbook.sheets.length === 0 ? (linked ? none : '') : linked ? contents(runbook.sheets) : '',
    ...runbook.sheets.map(sheet),
  ]
    .filter(Boolean)
    .join('\n');
}

const INTRODUCTION = [
  'For the case that neither the console nor the agents on the hosts can help. As long as an agent on the host of the copy works, use the console or “understudy failover”: they know more than this page.',
  'Two copies of one machine must never run. Every way below begins with making sure of that. Go through the steps in their order, and stop where a command does not say what it should.',
  'Commands are given as root, on the host that stands beside them. Nothing secret is on this page; log-ins are yours.',
];

const link = ({ pairId, machine }: Sheet): string =>
  tag('a', safe(machine), `href="#machine-${safe(pairId)}"`);
const contents = (sheets: readonly Sheet[]): string =>
  tag('ul', sheets.map((one) => tag('li', link(one))).join(''), 'class="contents"');

function hostTable(hosts: readonly HostLine[]): string {
  const head = ['Host', 'Log in', 'Runs', 'Keeps copies of'].map((text) => tag('th', text, 'scope="col"'));
  const rows = hosts.map(({ name, site, login, role, runs, keeps }) => {
    const place = [role, site].filter(Boolean).join(', ');
    const cells = [tag('code', safe(login)), safe(runs.join(', ') || '-'), safe(keeps.join(', ') || '-')];
    const first = tag('th', `${safe(name)}<small>${safe(place)}</small>`, 'scope="row"');
    return tag('tr', first + cells.map((cell) => tag('td', cell)).join(''));
  });
  return tag('table', tag('thead', tag('tr', head.join(''))) + tag('tbody', rows.join('')));
}

function sheet(one: Sheet): string {
  const facts = one.facts
    .map(([name, value]) => tag('dt', safe(name)) + tag('dd', safe(value).replaceAll('\n', '<br>')))
    .join('');
  const inside = [
    tag('h2', safe(one.machine), `id="machine-${safe(one.pairId)}"`),
    paragraphs(one.warnings, 'warning'),
    tag('dl', facts),
    ...one.procedures.map((procedure, index) => procedureOf(procedure, 'ABCD'[index] ?? '')),
  ];
  return tag('section', inside.join('\n'), `class="sheet" data-pair="${safe(one.pairId)}"`);
}

function procedureOf({ id, title, when, steps }: Procedure, letter: string): string {
  const head = tag('h3', `${letter}. ${safe(title)}`) + tag('p', safe(when), 'class="when"');
  return tag(
    'section',
    `${head}\n${tag('ol', steps.map(stepOf).join('\n'))}`,
    `class="procedure" data-procedure="${id}"`,
  );
}

function stepOf({ title, text, commands, warnings = [], ifAnswers }: Step): string {
  const given = ifAnswers === undefined ? '' : `data-if-answers="${safe(ifAnswers)}"`;
  const inside = [
    tag('h4', safe(title)),
    paragraphs(text),
    paragraphs(warnings, 'warning'),
    ...commands.map(commandOf),
  ];
  return tag('li', inside.join('\n'), given);
}

/** What a machine that reads this page needs is in the attributes; core/testing/printed-commands.ts reads them back. */
function commandOf({ run, on, expect, until, mayFail }: Command): string {
  const attributes = [
    `data-host="${safe(on)}"`,
    expect === undefined ? '' : `data-expect="${safe(expect)}"`,
    until ? 'data-until=""' : '',
    mayFail === undefined ? '' : 'data-may-fail=""',
  ];
  const code = tag('code', safe(run), attributes.filter(Boolean).join(' '));
  const notes = [
    expect === undefined ? '' : `${until ? 'Again until it shows' : 'Must show'}: ${expect}`,
    mayFail === undefined ? '' : `May fail: ${mayFail}.`,
  ].filter(Boolean);
  const note = notes.length === 0 ? '' : tag('p', safe(notes.join(' ')), 'class="note"');
  return `<div class="command">${tag('span', safe(on), 'class="host"')}${tag('pre', code)}${note}</div>`;
}
