import failOver from '../../../docs/images/fail-over.png';
import machine from '../../../docs/images/machine.png';
import map from '../../../docs/images/map.png';
import mapSteppingIn from '../../../docs/images/map-stepping-in.png';
import mapStory from '../../../docs/images/map-story.png';
import palette from '../../../docs/images/palette.png';
import runbook from '../../../docs/images/runbook.png';
import whatIf from '../../../docs/images/what-if.png';
import type { PictureFile } from '../../lib/manual.ts';

/** Where the page finds each picture: a file of its own beside the scripts, fetched when it comes into view. */
export const pictures: Record<PictureFile, string> = {
  'map.png': map,
  'map-stepping-in.png': mapSteppingIn,
  'map-story.png': mapStory,
  'fail-over.png': failOver,
  'machine.png': machine,
  'what-if.png': whatIf,
  'runbook.png': runbook,
  'palette.png': palette,
};
