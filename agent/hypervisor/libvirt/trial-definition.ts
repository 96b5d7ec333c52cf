import { DOMParser, type Element, XMLSerializer } from '@xmldom/xmldom';

export interface TrialParts {
  name: string;
  uuid: string;
  /** Unix socket on which its disks are served (NBD), by target. */
  socket: string;
  /** Host ends of its network cards, in order. */
  taps: string[];
  /** File of its own for the firmware's variables. */
  nvram: string;
}

/** Devices that would share something with the machine itself or with the host. */
const LEFT_OUT = ['hostdev', 'filesystem', 'shmem', 'redirdev', 'sound', 'audio', 'watchdog', 'panic'];
/** Character devices that lead to files, sockets or devices of the host. */
const CHARACTER = ['serial', 'console', 'parallel'];

/**
 * The definition of a copy on trial: another name and UUID, disks from its own storage daemon, network cards whose host ends
 * nobody connects to anything, and nothing of the host's own (https://libvirt.org/formatdomain.html). The cards keep their
 * hardware addresses, so that the guest finds its network configuration.
 */
export function trialDefinition(text: string, parts: TrialParts): string {
  const root = new DOMParser().parseFromString(text, 'text/xml').documentElement;
  if (root?.tagName !== 'domain') throw new Error('not a domain definition');
  setText(root, 'name', parts.name);
  setText(root, 'uuid', parts.uuid);
  for (const tag of ['title', 'description', 'metadata', 'numatune', 'cputune', 'resource'])
    for (const each of children(root, tag)) root.removeChild(each);
  for (const vcpu of children(root, 'vcpu')) vcpu.removeAttribute('cpuset');
  ownFirmware(root, parts.nvram);
  const [devices] = children(root, 'devices');
  if (devices) {
    for (const tag of LEFT_OUT) for (const each of children(devices, tag)) devices.removeChild(each);
    for (const disk of children(devices, 'disk')) trialDisk(devices, disk, parts.socket);
    children(devices, 'interface').forEach((card, index) => {
      trialCard(card, parts.taps[index] ?? '');
    });
    for (const tag of CHARACTER) for (const each of children(devices, tag)) intoNothing(each);
    for (const channel of children(devices, 'channel')) ownSocket(devices, channel);
    for (const graphics of children(devices, 'graphics')) devices.removeChild(graphics);
  }
  return new XMLSerializer().serializeToString(root);
}

function trialDisk(devices: Element, disk: Element, socket: string): void {
  const device = disk.getAttribute('device') ?? 'disk';
  const target = children(disk, 'target')[0]?.getAttribute('dev') ?? '';
  const readOnly = children(disk, 'readonly').length > 0;
  // Media are the host's; what is read-only was not copied.
  if (device !== 'disk' || readOnly) {
    for (const source of children(disk, 'source')) disk.removeChild(source);
    if (device === 'disk') devices.removeChild(disk);
    return;
  }
  for (const tag of ['source', 'backingStore', 'driver', 'mirror', 'encryption', 'iotune', 'shareable'])
    for (const each of children(disk, tag)) disk.removeChild(each);
  disk.setAttribute('type', 'network');
  const driver = added(disk, 'driver', { name: 'qemu', type: 'raw', discard: 'unmap' });
  disk.insertBefore(driver, disk.firstChild);
  const source = added(disk, 'source', { protocol: 'nbd', name: target });
  added(source, 'host', { transport: 'unix', socket });
}

/** Of type `ethernet`: libvirt makes the host end and connects it to nothing. */
function trialCard(card: Element, tap: string): void {
  const kept = ['mac', 'model', 'driver', 'address', 'boot', 'alias', 'rom', 'mtu'];
  for (let node = card.firstChild; node; ) {
    const next = node.nextSibling;
    if (node.nodeType === node.ELEMENT_NODE && !kept.includes(node.nodeName)) card.removeChild(node);
    node = next;
  }
  for (const name of ['managed', 'trustGuestRxFilters']) card.removeAttribute(name);
  card.setAttribute('type', 'ethernet');
  added(card, 'target', { dev: tap });
}

/** Firmware's variables in a file of its own, made from the template at its start. */
function ownFirmware(root: Element, nvram: string): void {
  const [os] = children(root, 'os');
  const [own] = os ? children(os, 'nvram') : [];
  if (!own) return;
  for (const name of ['type', 'format']) own.removeAttribute(name);
  for (const source of children(own, 'source')) own.removeChild(source);
  own.textContent = nvram;
}

function intoNothing(element: Element): void {
  for (const tag of ['source', 'log', 'protocol'])
    for (const each of children(element, tag)) element.removeChild(each);
  for (const name of ['tty']) element.removeAttribute(name);
  element.setAttribute('type', 'pty');
}

/** The guest agent's channel gets a socket from libvirt; all others lead somewhere. */
function ownSocket(devices: Element, channel: Element): void {
  const name = children(channel, 'target')[0]?.getAttribute('name');
  if (name !== 'org.qemu.guest_agent.0') {
    devices.removeChild(channel);
    return;
  }
  for (const source of children(channel, 'source')) channel.removeChild(source);
}

function added(parent: Element, tag: string, attributes: Record<string, string>): Element {
  const element = parent.ownerDocument?.createElement(tag);
  if (!element) throw new Error('a node without a document');
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  parent.appendChild(element);
  return element;
}

function setText(root: Element, tag: string, text: string): void {
  const [element] = children(root, tag);
  if (element) element.textContent = text;
}

function children(parent: Element, tag: string): Element[] {
  const found: Element[] = [];
  for (let node = parent.firstChild; node; node = node.nextSibling)
    if (node.nodeType === node.ELEMENT_NODE && node.nodeName === tag) found.push(node as Element);
  return found;
}
