import { fingerprintOf } from '../identity/authorities.ts';
import type { Identity, IdentityStore } from '../identity/identity.ts';
import type { AuditLog } from '../journal/audit.ts';
import type { PairsService } from '../pairs/service.ts';
import type { PeerMesh } from '../peers/peer-mesh.ts';
import {
  type ConsoleApi,
  type Handlers,
  type Problem,
  ProblemError,
  type Result,
} from '../protocol/index.ts';
import type { LiveState } from './live-state.ts';

interface Membership {
  identity: IdentityStore;
  peers: PeerMesh;
  pairs: PairsService;
  audit: AuditLog;
  live: Pick<LiveState, 'tell'>;
}

type MembershipHandlers = Pick<
  Handlers<ConsoleApi>,
  | 'agent.certificateRequest'
  | 'agent.enrol'
  | 'agent.trust'
  | 'agent.label'
  | 'agent.setPeers'
  | 'agent.peers'
  | 'agent.retire'
>;

/** How this host becomes a member of a fleet, learns of the others, and leaves. */
export function membershipHandlers({ identity, peers, pairs, audit, live }: Membership): MembershipHandlers {
  /** A host with protected machines belongs to its fleet until they are released: another one must not take it. */
  const refuseIfTaken = (hostId: string, fleetId: string) => {
    const current = identity.current;
    if (current === null || pairs.votes().length === 0) return;
    if (current.hostId === hostId && current.fleetId === fleetId) return;
    throw new ProblemError(takenProblem(current));
  };
  return {
    'agent.certificateRequest': async ({ hostId, fleetId }) => {
      refuseIfTaken(hostId, fleetId);
      return { csr: await identity.certificateRequest(hostId, fleetId) };
    },
    'agent.enrol': async ({ peers: members, ...order }) => {
      refuseIfTaken(order.hostId, order.fleetId);
      const before = identity.current;
      must(await identity.enrol(order));
      await peers.setPeers(members);
      if (provesOtherwise(before, order)) must(await peers.renew());
      const text = `${order.name} belongs to the fleet as ${order.role}.`;
      audit.append({ actor: 'agent', event: 'enrolled', text, evidence: { fleetId: order.fleetId } });
      return {};
    },
    'agent.trust': async ({ add, actor }) => {
      const fresh = await identity.trust(add);
      if (!fresh.ok) throw new ProblemError(fresh.problem);
      if (fresh.value.length > 0) {
        must(await peers.renew({ keepLinks: true }));
        const authorities = fresh.value.map(fingerprintOf).join(', ');
        const text = 'Another console may issue certificates for this fleet from now on.';
        audit.append({ actor, event: 'authority-trusted', text, evidence: { authorities } });
      }
      const { certificate = '', trustedCas = [] } = identity.current ?? {};
      return { certificate, trustedCas };
    },
    'agent.label': async ({ name, site, actor }) => {
      const before = identity.current;
      must(await identity.label({ name, site }));
      live.tell({ name: 'label', value: { name, site } });
      if (before?.name === name && before.site === site) return {};
      const where = site === '' ? '' : ` (${site})`;
      audit.append({
        actor,
        event: 'renamed',
        text: `${before?.name ?? 'This host'} is ${name}${where} now.`,
      });
      return {};
    },
    'agent.setPeers': async ({ peers: members }) => {
      await peers.setPeers(members);
      return {};
    },
    'agent.peers': async () => ({ peers: peers.list() }),
    'agent.retire': async ({ actor }) => {
      const blockedBy = pairs.votes();
      if (blockedBy.length > 0) return { blockedBy };
      audit.append({ actor, event: 'retired', text: 'The agent takes leave of its fleet.' });
      await peers.stop();
      return { blockedBy };
    },
  };
}

function must(result: Result<void>): void {
  if (!result.ok) throw new ProblemError(result.problem);
}

/** Would other members be shown something new? A new display name alone breaks no link. */
const provesOtherwise = (
  before: Identity | null,
  after: Pick<Identity, 'certificate' | 'trustedCas'>,
): boolean =>
  before === null ||
  before.certificate !== after.certificate ||
  before.trustedCas.join() !== after.trustedCas.join();

const takenProblem = (current: Identity): Problem => ({
  kind: 'enrolled-elsewhere',
  message: `${current.name} belongs to another fleet and holds protected machines of it.`,
  next: 'End their protection from the console of that fleet, or adopt that fleet, then add the host again.',
  details: { hostId: current.hostId, fleetId: current.fleetId },
});
