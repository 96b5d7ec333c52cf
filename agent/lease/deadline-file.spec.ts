import { describe, expect, it } from 'vitest';
import { formatPermission, type Permission, parsePermission } from './deadline-file.ts';

const EPOCH = { n: 7, by: '' };

describe('permission file (agent/guard/FORMAT.md)', () => {
  it.each<[Permission, string]>([
    [{ kind: 'standing', epoch: EPOCH }, 'understudy-permission 1 7 - standing\n'],
    [{ kind: 'ended', epoch: { n: 8, by: 'h2' } }, 'understudy-permission 1 8 h2 ended\n'],
    [{ kind: 'deadline', epoch: EPOCH, ms: 123_456 }, 'understudy-permission 1 7 - deadline 123456\n'],
  ])('is one line that reads back: %j', (permission, line) => {
    expect(formatPermission(permission)).toBe(line);
    expect(parsePermission(line)).toEqual(permission);
  });

  it('never grants a fraction of a millisecond more, nor less than nothing', () => {
    expect(formatPermission({ kind: 'deadline', epoch: EPOCH, ms: 99.9 })).toContain('deadline 99\n');
    expect(formatPermission({ kind: 'deadline', epoch: EPOCH, ms: Number.NEGATIVE_INFINITY })).toContain(
      ' 0\n',
    );
  });

  it.each([
    '',
    'understudy-permission 1 7 - standing',
    'understudy-permission 2 7 - standing\n',
    'understudy-permission 1 7 - standing\n\n',
    'understudy-permission 1 7  - standing\n',
    'understudy-permission 1 -7 - standing\n',
    'understudy-permission 1 7 - deadline\n',
    'understudy-permission 1 7 - deadline -5\n',
    'understudy-permission 1 7 - deadline 1234567890123456\n',
    'understudy-permission 1 7 -x standing\n',
    'understudy-permission 1 7 - forever\n',
  ])('refuses %j', (line) => {
    expect(parsePermission(line)).toBeNull();
  });

  it('carries the order to continue', () => {
    const permission: Permission = { kind: 'standing', epoch: EPOCH, resumed: 42.7 };
    expect(formatPermission(permission)).toBe('understudy-permission 1 7 - standing resumed 42\n');
    expect(parsePermission(formatPermission(permission))).toEqual({ ...permission, resumed: 42 });
  });
});
