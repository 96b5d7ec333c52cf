import { guestDraft, MAIL } from '../../hypervisor/simulated/spec-world.ts';
import { type Box, Rig } from '../../replication/simulated/spec-rig.ts';

export const PAIR = 'pair-mail';

/** Two simulated hosts with their agents; mail runs on atlas. */
export async function twoHosts(): Promise<{ rig: Rig; atlas: Box; boreas: Box }> {
  const rig = await Rig.open([{ name: 'atlas', guests: [{ ...guestDraft() }] }, { name: 'boreas' }]);
  return { rig, atlas: rig.box('atlas'), boreas: rig.box('boreas') };
}

/** The same, and boreas stands by for mail. */
export async function protectedMail(): ReturnType<typeof twoHosts> {
  const hosts = await twoHosts();
  const order = { pairId: PAIR, vmUuid: MAIL, standby: 'boreas' };
  const { state, problem } = await hosts.atlas.order('protect.start', order);
  if (state !== 'done') throw new Error(`mail is not protected: ${problem?.message}`);
  return hosts;
}
