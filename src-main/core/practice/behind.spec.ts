import { afterEach, expect, it, vi } from 'vitest';
import { MAIL, specWorld } from '../../../agent/hypervisor/simulated/spec-world.ts';
import { GIB } from '../../../agent/hypervisor/simulated/types.ts';
import { changeBehind } from './behind.ts';

afterEach(() => void vi.useRealTimers());

it('attaches disks under free names, enlarges the first one, and plugs the machine into another bridge and back', () => {
  const { atlas } = specWorld();
  const domain = () => atlas.guest(MAIL)?.domain;
  const bridge = () => domain()?.nics[0]?.source;
  changeBehind(atlas, MAIL, 'attach-disk');
  changeBehind(atlas, MAIL, 'attach-disk');
  expect(domain()?.disks.map(({ target }) => target)).toEqual(['vda', 'vdb', 'vdc', 'vdd']);
  changeBehind(atlas, MAIL, 'enlarge-disk');
  expect(atlas.images.get(domain()?.disks[0]?.path ?? '')?.sizeBytes).toBe(20 * GIB);
  changeBehind(atlas, MAIL, 'other-network');
  expect(bridge()).toBe('br-lab');
  changeBehind(atlas, MAIL, 'other-network');
  expect(bridge()).toBe('br0');
});
