import type { InTurn } from '../in-turn.ts';
import type { RestorePoints } from '../replication.ts';
import type { LayeredPoints } from './restore.ts';

/** Restore points, in turn with everything else that the storage daemon is told. */
export function layersInTurn(layers: LayeredPoints, inTurn: InTurn): RestorePoints {
  return {
    list: (pairId) => layers.list(pairId),
    sizeBytes: (pairId) => layers.sizeBytes(pairId),
    surfacedAt: (pairId) => layers.surfacedAt(pairId),
    makeWay: (pairId) => layers.makeWay(pairId),
    liesOn: (pairId) => layers.liesOn(pairId),
    lieOn: (...order) => inTurn(() => layers.lieOn(...order)),
    standAlone: (...order) => inTurn(() => layers.standAlone(...order)),
    adopt: (...order) => inTurn(() => layers.adopt(...order)),
    begin: (...order) => inTurn(() => layers.begin(...order)),
    compare: (...order) => inTurn(() => layers.compare(...order)),
    seal: (...order) => inTurn(() => layers.seal(...order)),
    prune: (...order) => inTurn(() => layers.prune(...order)),
    surface: (...order) => inTurn(() => layers.surface(...order)),
    keepSurfaced: (...order) => inTurn(() => layers.keepSurfaced(...order)),
    release: (...order) => inTurn(() => layers.release(...order)),
    show: (...order) => inTurn(() => layers.show(...order)),
    isShown: (...order) => inTurn(() => layers.isShown(...order)),
    hide: (...order) => inTurn(() => layers.hide(...order)),
  };
}
