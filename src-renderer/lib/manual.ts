import { manualText } from './messages/manual-text.ts';
import { to } from './router.ts';

/** A place of the console that a topic leads to. */
export type ManualPlace =
  | 'map'
  | 'list'
  | 'activity'
  | 'settings'
  | 'witness'
  | 'protect'
  | 'add-host'
  | 'runbook'
  | 'objectives';

export interface ManualTopic {
  kind: 'idea' | 'when';
  title: string;
  /** Words that somebody may search for it by. */
  words: string;
  text: readonly string[];
  /** In order, where there is something to do. */
  steps?: readonly string[];
  place?: ManualPlace;
  see: readonly string[];
}

export type TopicId = keyof typeof manualText;

export const topics = Object.entries(manualText) as [TopicId, ManualTopic][];

export const isTopic = (id: string): id is TopicId => Object.hasOwn(manualText, id);

const HREFS: Record<ManualPlace, string> = {
  map: to.map,
  list: to.list,
  activity: to.activity(),
  settings: to.settings(),
  witness: to.witness(),
  protect: to.protect(),
  'add-host': to.addHost,
  runbook: to.runbook(),
  objectives: to.objectives,
};
export const hrefOf = (place: ManualPlace): string => HREFS[place];

/** The whole manual as Markdown: docs/manual.md (kept in step by manual.spec.ts). */
export function manualMarkdown(): string {
  const part = (kind: ManualTopic['kind'], title: string): string[] => [
    `## ${title}`,
    ...topics
      .filter(([, topic]) => topic.kind === kind)
      .map(([, { title: head, text, steps = [] }]) =>
        [`### ${head}`, ...text, steps.map((step, index) => `${index + 1}. ${step}`).join('\n')]
          .filter(Boolean)
          .join('\n\n'),
      ),
  ];
  return `${[
    '# Manual',
    'The same text as inside the console (`src-renderer/lib/messages/manual-text.ts`; a spec keeps this page in step).',
    ...part('idea', 'The ideas'),
    ...part('when', 'What to do when'),
  ].join('\n\n')}\n`;
}
