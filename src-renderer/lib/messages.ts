import { activity } from './messages/activity.ts';
import { addHost } from './messages/add-host.ts';
import { automation } from './messages/automation.ts';
import { bulk } from './messages/bulk.ts';
import { changes } from './messages/changes.ts';
import { commands } from './messages/commands.ts';
import { diagnostics } from './messages/diagnostics.ts';
import { drill } from './messages/drill.ts';
import { evacuation } from './messages/evacuation.ts';
import { hosts } from './messages/hosts.ts';
import { limits } from './messages/limits.ts';
import { manual } from './messages/manual.ts';
import { map } from './messages/map.ts';
import { mapView } from './messages/map-view.ts';
import { objectives } from './messages/objectives.ts';
import { orders } from './messages/orders.ts';
import { pairs } from './messages/pairs.ts';
import { palette } from './messages/palette.ts';
import { problem } from './messages/problem.ts';
import { protect } from './messages/protect.ts';
import { replication } from './messages/replication.ts';
import { runbook } from './messages/runbook.ts';
import { settings } from './messages/settings.ts';
import { shell } from './messages/shell.ts';
import { shortcuts } from './messages/shortcuts.ts';
import { telling } from './messages/telling.ts';
import { timetable } from './messages/timetable.ts';
import { transfer } from './messages/transfer.ts';
import { verify } from './messages/verify.ts';
import { welcome } from './messages/welcome.ts';
import { whatIf } from './messages/what-if.ts';
import { witness } from './messages/witness.ts';

/**
 * Every word on screen that does not come from an agent. One catalogue, typed: a text that takes values is a
 * function of them, so a missing one does not compile.
 */
export const m = {
  activity,
  addHost,
  automation,
  bulk,
  changes,
  commands,
  diagnostics,
  drill,
  evacuation,
  hosts,
  limits,
  manual,
  map,
  mapView,
  objectives,
  orders,
  pairs,
  palette,
  problem,
  protect,
  replication,
  runbook,
  settings,
  shell,
  shortcuts,
  telling,
  timetable,
  transfer,
  verify,
  welcome,
  whatIf,
  witness,
};
