import { expect, it } from 'vitest';
import { m } from '../../lib/messages.ts';
import { objectivesFrom } from './form.ts';

it('reads times, and nothing as no target', () => {
  expect(objectivesFrom({ rpo: '0', rto: '10 min' }).objectives).toEqual({ rpoS: 0, rtoS: 600 });
  expect(objectivesFrom({ rpo: ' ', rto: '' }).objectives).toEqual({ rpoS: null, rtoS: null });
  expect(objectivesFrom({ rpo: '1 day', rto: '' }).objectives).toEqual({ rpoS: 86_400, rtoS: null });
});

it('says at its field what is wrong', () => {
  const { objectives, rpoProblem, rtoProblem } = objectivesFrom({ rpo: 'soon', rto: '0 s' });
  expect(objectives).toBeNull();
  expect(rpoProblem).toBe(m.objectives.dialog.wrong);
  expect(rtoProblem).toContain('between a second and a week');
  expect(objectivesFrom({ rpo: '8 days', rto: '1 s' })).toMatchObject({ objectives: null, rtoProblem: null });
});
