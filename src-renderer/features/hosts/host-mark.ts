import type { HostView } from '../../../src-main/contract/index.ts';
import { m } from '../../lib/messages.ts';
import type { Mark } from '../../lib/pair-state.ts';

export function hostMark(host: HostView): Mark {
  const words = m.hosts.state;
  switch (host.connection.state) {
    case 'online':
      return { tone: 'ok', icon: 'check', word: words.online };
    case 'connecting':
      return { tone: 'neutral', icon: 'clock', word: words.connecting };
    case 'offline':
      return host.connection.retryAt === null
        ? { tone: 'attention', icon: 'question', word: words.waits }
        : { tone: 'danger', icon: 'unlinked', word: words.offline };
  }
}
