import { isCoordinated } from '../../../agent/protocol/mode.ts';
import type { PairView } from '../../../src-main/contract/index.ts';
import { m } from '../../lib/messages.ts';
import { type PairDialog, type PairOrder, to } from '../../lib/router.ts';
import { openOf, touchedOf } from '../changes/words.ts';
import { actionReasons, asideOf, drillReason, verifyReason } from '../pairs/actions.ts';
import { type Entry, type Ground, nameOf } from './entry.ts';

const words = m.palette;

const byHand = m.manual.topics.runbook.words;

/** Its page. */
export function pairEntry(pair: PairView, { fleet }: Ground): Entry {
  return {
    href: to.pair(pair.id),
    label: pair.name,
    kind: words.kinds.pair,
    detail: nameOf(fleet, pair.primary),
  };
}

/** Everything that can be done with it; what cannot be now says why. */
export function pairActions(pair: PairView, ground: Ground): Entry[] {
  const { fleet } = ground;
  const reasons = actionReasons(pair, fleet);
  const dialog = (which: PairDialog, label: string, reason: string | null = null): Entry => ({
    href: to.pair(pair.id, which),
    label,
    kind: words.kinds.action,
    detail: nameOf(fleet, pair.standby),
    words: words.also[which] ?? '',
    reason,
  });
  const order = (which: PairOrder, label: string): Entry => dialog(which, label, reasons[which]);
  const { name } = pair;
  return [
    order('failover', words.failover(name)),
    order('switchover', words.switchover(name)),
    order('return', words.return(name)),
    ...(pair.health === 'quarantined' ? [order('revert', words.revert(name))] : []),
    ...(asideOf(pair) ? [order('discard', words.discard(name))] : []),
    order('replace', words.replace(name)),
    order('end', words.end(name)),
    dialog('drill', m.drill.dialog.title(name), drillReason(pair, fleet)),
    dialog('drill-settings', m.drill.form.title(name)),
    dialog('automation', m.automation.dialog.title(name)),
    dialog('maintenance', m.automation.maintenance.title(name)),
    dialog('mode', m.replication.dialog.title(name)),
    dialog('objectives', m.objectives.dialog.title(name)),
    ...(isCoordinated(pair.replication.mode) ? [] : comparison(pair, ground)),
    ...(openOf(pair)
      ? [direct(pair, { do: 'look-again', pairId: pair.id }, words.lookAgain(name), ground)]
      : []),
    ...(touchedOf(pair) ? [{ ...dialog('failover', words.trust(name)), href: to.pair(pair.id) }] : []),
    { ...dialog('failover', words.history(name)), href: to.activity(pair.id) },
    { ...dialog('failover', words.runbook(name)), href: to.runbook(pair.id), words: byHand },
    { ...dialog('failover', words.witness(name)), href: to.witness({ pairId: pair.id }) },
  ];
}

function comparison(pair: PairView, ground: Ground): Entry[] {
  const { name, id } = pair;
  return [
    {
      ...direct(pair, { do: 'verify', pairId: id }, words.verify(name), ground),
      reason: verifyReason(pair, ground.fleet),
    },
    {
      ...pairEntry(pair, ground),
      href: to.pair(id, 'verify-settings'),
      label: m.verify.form.title(name),
      words: words.also['verify-settings'] ?? '',
    },
  ].map((entry) => ({ ...entry, kind: words.kinds.action }));
}

function direct(pair: PairView, order: Entry['order'] & object, label: string, { fleet }: Ground): Entry {
  const detail = nameOf(fleet, pair.standby);
  return { href: to.pair(pair.id), order, label, kind: words.kinds.action, detail };
}
