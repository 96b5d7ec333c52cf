import { describe, expect, it } from 'vitest';
import { parsePlace, to } from './router.ts';

describe('places', () => {
  it('survive the way into the address and back', () => {
    expect(parsePlace(to.pair('a-1', 'failover'))).toEqual({
      page: 'pair',
      pairId: 'a-1',
      dialog: 'failover',
    });
    expect(parsePlace(to.host('h/ü'))).toEqual({ page: 'host', hostId: 'h/ü', dialog: null });
    expect(parsePlace(to.protect({ hostId: 'h', vmUuid: 'u' }))).toEqual({
      page: 'protect',
      hostId: 'h',
      vmUuid: 'u',
      taskId: '',
    });
    expect(parsePlace(to.witness({ hostId: 'pi', pairId: 'p' }))).toEqual({
      page: 'witness',
      hostId: 'pi',
      pairId: 'p',
    });
    expect(parsePlace(to.addWitness('p'))).toEqual({
      page: 'add-host',
      role: 'witness',
      pairId: 'p',
      address: '',
    });
    expect(parsePlace(to.addHost)).toEqual({ page: 'add-host', role: null, pairId: '', address: '' });
    expect(parsePlace(to.addHostAt('fd00::7'))).toMatchObject({ page: 'add-host', address: 'fd00::7' });
    expect(parsePlace(to.host('h', 'away'))).toEqual({ page: 'host', hostId: 'h', dialog: 'away' });
    expect(parsePlace(to.settings('import'))).toEqual({ page: 'settings', dialog: 'import' });
    expect(parsePlace(to.whatIf(['h/ü', 'pi']))).toEqual({ page: 'what-if', failing: ['h/ü', 'pi'] });
    expect(parsePlace(to.whatIf())).toEqual({ page: 'what-if', failing: [] });
    expect(parsePlace(to.runbook('p'))).toEqual({ page: 'runbook', pairId: 'p' });
    expect(parsePlace(to.manual('witness'))).toEqual({ page: 'manual', topic: 'witness' });
    expect(parsePlace(to.activity('p'))).toEqual({ page: 'activity', pairId: 'p' });
  });

  it('fall back to the map when the address means nothing', () => {
    for (const hash of ['', '#', '#/nowhere', '#/pairs', '#/hosts/', '#/%E0%A4%A']) {
      expect(parsePlace(hash)).toEqual({ page: 'map' });
    }
    expect(parsePlace('#/pairs/x/explode')).toMatchObject({ dialog: null });
  });
});
