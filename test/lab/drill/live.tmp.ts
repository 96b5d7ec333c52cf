import { randomUUID } from 'node:crypto';
import { agentState, askAgent } from '../agent-client.ts';
import { openLab } from '../lab.ts';
import { places } from '../places.ts';
import { Escapes } from './escapes.ts';

const lab = await openLab(places('dri'));
if (!lab) throw new Error('no lab');
const escapes = await Escapes.watch(lab, 'boreas', lab.guest('erp').mac);
const id = randomUUID();
const given = await askAgent(lab, 'boreas', 'pair.drill', {
  requestId: id,
  actor: 'me',
  pairId: 'lab-erp',
  standS: 0,
});
console.log('ordered', given?.task.state);
let last = '';
const began = Date.now();
for (;;) {
  const state = await agentState(lab, 'boreas');
  const task = state?.tasks.find((t) => t.id === id);
  const text = JSON.stringify(task?.steps.map((s) => [s.id, s.state, s.note]));
  if (text !== last) console.log(Date.now() - began, text);
  last = text;
  if (task && task.state !== 'running') {
    console.log(JSON.stringify(task.problem), task.state);
    console.log(JSON.stringify(state?.pairs.find((p) => p.spec.pairId === 'lab-erp')?.drill?.results[0]));
    break;
  }
  if (Date.now() - began > 60_000) {
    for (const cmd of [
      'ip netns list; ip -o link; journalctl -u "understudy-*" -n 30 --no-pager; virsh list --all; ls -laR /run/libvirt/understudy; ip -n $(ip netns list | cut -d" " -f1) -s addr; ip -n $(ip netns list | cut -d" " -f1) neigh; cat /var/log/libvirt/qemu/drill*.log | tail -20',
    ])
      console.log((await lab.exec('boreas', ['sh', '-c', cmd])).stdout);
    await askAgent(lab, 'boreas', 'task.cancel', { requestId: randomUUID(), actor: 'me', taskId: id });
  }
  if (Date.now() - began > 90_000) break;
  await new Promise((r) => setTimeout(r, 100));
}
console.log('escaped', await escapes.count());
console.log(
  (
    await lab.exec('boreas', [
      'sh',
      '-c',
      'journalctl -u understudy-agent -n 20 --no-pager; ip netns list; virsh list --all; ls /var/lib/libvirt/images; systemctl list-units --all "understudy-drill*" --no-legend',
    ])
  ).stdout,
);
process.exit(0);
