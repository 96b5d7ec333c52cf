import type { RtoMeasure } from '../../../agent/protocol/index.ts';
import type { HostedSample, JoinedRisk, PairView } from '../../contract/index.ts';
import { cell } from '../activity/csv.ts';

interface Exported {
  pair: Pick<PairView, 'name' | 'objectives'>;
  risk: JoinedRisk;
  nameOf(hostId: string): string;
  now: number;
}

const HEAD = [
  'kind',
  'from (UTC)',
  'host',
  'seconds at risk',
  'bytes at risk',
  'time to answer s',
  'measured by',
];
const iso = (at: number): string => new Date(at).toISOString();

/** The history as an auditor's file: RFC 4180, or JSON; times in UTC, oldest first. */
export function riskFile(given: Exported, format: 'csv' | 'json'): { name: string; text: string } {
  const { pair, now } = given;
  const machine = pair.name.replace(/[^\w.-]+/g, '-');
  return {
    name: `understudy-at-risk-${machine}-${iso(now).slice(0, 10)}.${format}`,
    text: format === 'csv' ? csv(given) : `${JSON.stringify(plain(given), null, 2)}\n`,
  };
}

function csv({ risk, nameOf }: Exported): string {
  const sample =
    (kind: string) =>
    ({ at, host, seconds, bytes }: HostedSample): string[] => [
      ...[kind, iso(at), nameOf(host), seconds === null ? 'no copy' : String(seconds)],
      ...[bytes === null ? '' : String(bytes), '', ''],
    ];
  const measure = ({ at, host, ms, source, until }: RtoMeasure): string[] => [
    ...['time to answer', iso(at), nameOf(host), '', '', String(ms / 1000)],
    `${source}, until ${until === 'answer' ? 'it answered' : 'it ran'}`,
  ];
  const rows = [
    ...risk.hours.map(sample('worst of the hour')),
    ...risk.minutes.map(sample('worst of the minute')),
    ...risk.measures.toReversed().map(measure),
  ];
  return [HEAD, ...rows].map((row) => `${row.map(cell).join(',')}\r\n`).join('');
}

function plain({ pair, risk, nameOf, now }: Exported): unknown {
  const sample = ({ at, host, seconds, bytes }: HostedSample) => ({
    ...{ from: iso(at), host: nameOf(host), noCopy: seconds === null, seconds, bytes },
  });
  return {
    machine: pair.name,
    exportedAt: iso(now),
    targets: pair.objectives?.targets ?? null,
    hours: risk.hours.map(sample),
    minutes: risk.minutes.map(sample),
    timesToAnswer: risk.measures.map((one) => ({ ...one, at: iso(one.at), host: nameOf(one.host) })),
    hostsNotHeard: risk.silent.map(nameOf),
  };
}
