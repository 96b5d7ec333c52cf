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
  | 'objectives'
  | 'what-if';

/** Of docs/images, where they have their only copy; features/manual/pictures.ts brings each of them into the page. */
export const pictureFiles = [
  'map.png',
  'map-stepping-in.png',
  'map-story.png',
  'fail-over.png',
  'machine.png',
  'what-if.png',
  'runbook.png',
  'palette.png',
] as const;
export type PictureFile = (typeof pictureFiles)[number];
/** Of every one, so that the page keeps room for it before it has come. */
export const PICTURE_SIZE = { width: 1280, height: 800 } as const;

export interface ManualPicture {
  file: PictureFile;
  /** What is to be seen, for who does not see it. */
  alt: string;
  /** One line. */
  caption: string;
}

export interface ManualTopic {
  kind: 'idea' | 'when';
  title: string;
  /** Words that somebody may search for it by. */
  words: string;
  text: readonly string[];
  /** In order, where there is something to do. */
  steps?: readonly string[];
  picture?: ManualPicture;
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
  'what-if': to.whatIf(),
};
export const hrefOf = (place: ManualPlace): string => HREFS[place];

/** The whole manual as Markdown: docs/manual.md (kept in step by manual.spec.ts). */
export function manualMarkdown(): string {
  const part = (kind: ManualTopic['kind'], title: string): string[] => [
    `## ${title}`,
    ...topics
      .filter(([, topic]) => topic.kind === kind)
      .map(([, { title: head, text, steps = [], picture }]) =>
        [
          `### ${head}`,
          ...text,
          steps.map((step, index) => `${index + 1}. ${step}`).join('\n'),
          picture ? `![${picture.alt}](images/${picture.file})` : '',
          picture ? `*${picture.caption}*` : '',
        ]
          .filter(Boolean)
          .join('\n\n'),
      ),
  ];
  return `${[
    '# Manual',
    'The same text and pictures as inside the console (`src-renderer/lib/messages/manual-text.ts`; a spec keeps this page in step).',
    ...part('idea', 'The ideas'),
    ...part('when', 'What to do when'),
  ].join('\n\n')}\n`;
}
