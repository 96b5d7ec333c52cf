import { FakeQmp, type QmpAnswer, type QmpCall } from '../qmp.spec-kit.ts';

export const refuse = (desc: string): QmpAnswer => ({ error: { class: 'GenericError', desc } });

/** The part of qemu-storage-daemon's behaviour that the target relies on. */
export class FakeDaemon {
  readonly exports = new Map<string, string>();
  /** Block jobs by id: the node each copies from, and the one it fills. */
  readonly jobs = new Map<string, { device: string; target: string }>();
  readonly nodes = new Map<string, Record<string, unknown>>();
  /** Answers in the daemon's stead, by command. */
  readonly instead = new Map<string, (call: QmpCall) => QmpAnswer>();
  readonly qmp = new FakeQmp((call) => this.instead.get(call.execute)?.(call) ?? this.#answer(call));

  #answer({ execute, arguments: args }: QmpCall): QmpAnswer {
    const name = String(args['node-name'] ?? '');
    switch (execute) {
      case 'query-block-exports':
        return { return: [...this.exports].map(([id, node]) => exported(id, node)) };
      case 'query-named-block-nodes':
        return { return: [...this.nodes].map(([node, args]) => this.#node(node, args)) };
      case 'query-block-jobs':
        return { return: [...this.jobs.keys()].map((device) => ({ device, type: 'backup' })) };
      case 'query-jobs':
        return { return: [] };
      case 'transaction':
        return this.#transaction(args.actions as { data: Record<string, string> }[]);
      case 'block-job-cancel':
        this.jobs.delete(String(args.device));
        return { return: {} };
      case 'blockdev-add':
        this.nodes.set(name, args);
        return { return: {} };
      case 'blockdev-del':
        if (this.#inUse(name)) return refuse(`Node '${name}' is busy`);
        return this.nodes.delete(name)
          ? { return: {} }
          : refuse(`Failed to find node with node-name='${name}'`);
      case 'block-export-add':
        this.exports.set(String(args.id), name);
        return { return: {} };
      case 'block-export-del':
        this.exports.delete(String(args.id));
        return { return: {} };
      default:
        return { return: {} };
    }
  }

  #node(node: string, args: Record<string, unknown>) {
    const file = args.filename ?? this.nodes.get(String(args.file))?.filename;
    return { 'node-name': node, ...(file === undefined ? {} : { file }) };
  }

  #inUse(name: string): boolean {
    const standsOn = [...this.nodes.values()].some(
      (args) =>
        args.file === name ||
        args.backing === name ||
        (Array.isArray(args.children) && args.children.includes(name)),
    );
    const worked = [...this.jobs.values()].some(({ device, target }) => device === name || target === name);
    return standsOn || worked || [...this.exports.values()].includes(name);
  }

  /** All of it or nothing, as QEMU's. */
  #transaction(actions: { data: Record<string, string> }[]): QmpAnswer {
    for (const { data } of actions) {
      const missing = [data.device, data.target].find((node) => !this.nodes.has(node ?? ''));
      if (missing !== undefined) return refuse(`Cannot find device='' nor node-name='${missing}'`);
    }
    for (const { data } of actions)
      this.jobs.set(data['job-id'] ?? '', { device: data.device ?? '', target: data.target ?? '' });
    return { return: {} };
  }
}

const exported = (id: string, node: string) => ({
  id,
  'node-name': node,
  'shutting-down': false,
  type: 'nbd',
});
