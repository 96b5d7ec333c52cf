import type { ManualTopic } from '../manual.ts';
import { manualText } from './manual-text.ts';

/** The short manual inside the console. Its text is in lib/messages/manual-text.ts, which docs/manual.md is made from. */
export const manual = {
  title: 'Manual',
  text: 'The few ideas behind Understudy, and what to do when. Everything here can be read without a network.',
  open: 'Manual',
  help: 'Help',
  ideas: 'The ideas',
  when: 'What to do when',
  more: (title: string) => `What is that? ${title}`,
  contents: 'Contents of the manual',
  goThere: 'Go there',
  seeAlso: 'See also',
  large: (caption: string) => `Show it large: ${caption}`,
  topics: manualText satisfies Record<string, ManualTopic>,
};
