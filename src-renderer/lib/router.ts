/** Where the person is. The hash holds it, so a reloaded window comes back to the same place. */
export type Place =
  | { page: 'map' }
  | { page: 'list' }
  | { page: 'objectives' }
  | { page: 'what-if'; failing: string[] }
  | { page: 'welcome' }
  | { page: 'add-host'; role: 'witness' | null; pairId: string; address: string }
  | { page: 'witness'; hostId: string; pairId: string }
  | { page: 'host'; hostId: string; dialog: HostDialog | null }
  | { page: 'pair'; pairId: string; dialog: PairDialog | null }
  | { page: 'protect'; hostId: string; vmUuid: string; taskId: string }
  | { page: 'activity'; pairId: string }
  | { page: 'runbook'; pairId: string }
  | { page: 'manual'; topic: string }
  | { page: 'settings'; dialog: SettingsDialog | null };

/** Orders that an agent carries out as a task. */
export type PairOrder = 'failover' | 'switchover' | 'return' | 'replace' | 'end' | 'revert' | 'discard';
export type PairDialog =
  | PairOrder
  | 'automation'
  | 'maintenance'
  | 'drill'
  | 'drill-settings'
  | 'mode'
  | 'objectives'
  | 'verify-settings';
export type HostDialog = 'rename' | 'remove' | 'away' | 'home' | 'limits' | 'login' | 'key' | 'maintenance';
const HOST_DIALOGS: readonly string[] = [
  'rename',
  'remove',
  'away',
  'home',
  'limits',
  'login',
  'key',
  'maintenance',
] satisfies HostDialog[];
/** A dialog of the settings, or one of their parts that is brought into view. */
export type SettingsDialog = 'maintenance' | 'import' | 'diagnostics' | 'telling' | 'desktop';
const SETTINGS_DIALOGS: readonly string[] = [
  'maintenance',
  'import',
  'diagnostics',
  'telling',
  'desktop',
] satisfies SettingsDialog[];
const DIALOGS: readonly string[] = [
  'failover',
  'switchover',
  'return',
  'replace',
  'end',
  'revert',
  'discard',
  'automation',
  'maintenance',
  'drill',
  'drill-settings',
  'mode',
  'objectives',
  'verify-settings',
] satisfies PairDialog[];

export function parsePlace(hash: string): Place {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?');
  const [head = '', id = '', extra = ''] = path.split('/').map(decode);
  const params = new URLSearchParams(query);
  switch (head) {
    case 'list':
    case 'objectives':
    case 'welcome':
      return { page: head };
    case 'what-if':
      return { page: 'what-if', failing: (params.get('fail') ?? '').split(',').filter(Boolean) };
    case 'settings':
      return { page: 'settings', dialog: among<SettingsDialog>(SETTINGS_DIALOGS, id) };
    case 'add-host': {
      const role = params.get('role') === 'witness' ? 'witness' : null;
      return {
        page: 'add-host',
        role,
        pairId: params.get('pair') ?? '',
        address: params.get('address') ?? '',
      };
    }
    case 'witness':
      return { page: 'witness', hostId: params.get('host') ?? '', pairId: params.get('pair') ?? '' };
    case 'hosts':
      return id
        ? { page: 'host', hostId: id, dialog: among<HostDialog>(HOST_DIALOGS, extra) }
        : { page: 'map' };
    case 'pairs':
      return id ? { page: 'pair', pairId: id, dialog: among<PairDialog>(DIALOGS, extra) } : { page: 'map' };
    case 'protect':
      return {
        page: 'protect',
        hostId: params.get('host') ?? '',
        vmUuid: params.get('vm') ?? '',
        taskId: params.get('task') ?? '',
      };
    case 'runbook':
      return { page: 'runbook', pairId: params.get('pair') ?? '' };
    case 'manual':
      return { page: 'manual', topic: id };
    case 'activity':
      return { page: 'activity', pairId: params.get('pair') ?? '' };
    default:
      return { page: 'map' };
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The list holds exactly the words of the type (`satisfies`). */
function among<T extends string>(words: readonly string[], text: string): T | null {
  return words.includes(text) ? (text as T) : null;
}

export const to = {
  map: '#/',
  list: '#/list',
  objectives: '#/objectives',
  welcome: '#/welcome',
  /** What would happen if these hosts failed. */
  whatIf: (hostIds: readonly string[] = []) =>
    hostIds.length > 0 ? `#/what-if?fail=${hostIds.map(encodeURIComponent).join(',')}` : '#/what-if',
  addHost: '#/add-host',
  /** The same, its address entered already. */
  addHostAt: (address: string) => `#/add-host?${new URLSearchParams({ address })}`,
  /** The add-a-host wizard on its way to a witness (for that pair). */
  addWitness: (pairId = '') => `#/add-host?${new URLSearchParams({ role: 'witness', pair: pairId })}`,
  witness: (of: { hostId?: string; pairId?: string } = {}) => {
    const query = new URLSearchParams();
    if (of.hostId) query.set('host', of.hostId);
    if (of.pairId) query.set('pair', of.pairId);
    const text = query.toString();
    return text ? `#/witness?${text}` : '#/witness';
  },
  settings: (dialog?: SettingsDialog) => (dialog ? `#/settings/${dialog}` : '#/settings'),
  runbook: (pairId = '') => (pairId ? `#/runbook?pair=${encodeURIComponent(pairId)}` : '#/runbook'),
  manual: (topic = '') => (topic ? `#/manual/${encodeURIComponent(topic)}` : '#/manual'),
  activity: (pairId = '') => (pairId ? `#/activity?pair=${encodeURIComponent(pairId)}` : '#/activity'),
  host: (hostId: string, dialog?: HostDialog) =>
    `#/hosts/${encodeURIComponent(hostId)}${dialog ? `/${dialog}` : ''}`,
  pair: (pairId: string, dialog?: PairDialog) =>
    `#/pairs/${encodeURIComponent(pairId)}${dialog ? `/${dialog}` : ''}`,
  protect: (of: { hostId?: string; vmUuid?: string; taskId?: string } = {}) => {
    const query = new URLSearchParams();
    if (of.hostId) query.set('host', of.hostId);
    if (of.vmUuid) query.set('vm', of.vmUuid);
    if (of.taskId) query.set('task', of.taskId);
    const text = query.toString();
    return text ? `#/protect?${text}` : '#/protect';
  },
};
