import { describe, expect, it } from 'vitest';
import { forwardMode } from './libvirt-view.ts';

describe('how a network reaches the world', () => {
  it.each([
    ["<network><forward mode='bridge'/></network>", 'bridge'],
    ["<network><forward dev='eth0' mode='route'>x</forward></network>", 'route'],
    ["<network><forward dev='eth0'/></network>", 'nat'],
    ['<network></network>', 'isolated'],
  ])('%s is %s', (xml, mode) => {
    expect(forwardMode(xml)).toBe(mode);
  });
});
