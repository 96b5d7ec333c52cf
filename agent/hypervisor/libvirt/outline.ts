import { type Element, XMLSerializer } from '@xmldom/xmldom';
import { isCopied } from '../hypervisor.ts';
import type { Outline } from '../outline.ts';
import {
  attribute,
  child,
  children,
  DomainXmlError,
  isWritable,
  parseDomain,
  parseRoot,
} from './domain-xml.ts';
import { remembering } from './remembering.ts';

/** Said elsewhere in an outline, or of no meaning where the machine would run. */
const APART = ['name', 'uuid', 'memory', 'devices'];

/** Null when the text is no domain definition. */
export const outlineOf = remembering((text: string): Outline | null => {
  try {
    return read(text);
  } catch (error) {
    if (error instanceof DomainXmlError) return null;
    throw error;
  }
});

function read(text: string): Outline {
  const { name, memoryBytes, vcpus, disks, nics } = parseDomain(text);
  const root = parseRoot(text);
  const devices = child(root, 'devices');
  const elements = devices ? children(devices) : [];
  const interfaces = elements.filter(({ nodeName }) => nodeName === 'interface');
  const parts: Record<string, string> = {};
  const add = (part: string, element: Element): void => {
    parts[part] = `${parts[part] ?? ''}${canonical(element)}`;
  };
  for (const element of children(root)) if (!APART.includes(element.nodeName)) add(element.nodeName, element);
  for (const element of elements)
    if (element.nodeName !== 'disk' && element.nodeName !== 'interface') add(element.nodeName, element);
  return {
    name,
    memoryBytes,
    vcpus,
    nics: Object.fromEntries(
      nics.map(({ mac, source }, at) => {
        const element = interfaces[at];
        return [mac || `card ${at + 1}`, { source, all: element ? canonical(element) : '' }];
      }),
    ),
    drives: Object.fromEntries(
      disks.filter((disk) => !isCopied(disk)).map(({ target, path }) => [target, path]),
    ),
    disks: Object.fromEntries(
      elements
        .filter((element) => element.nodeName === 'disk' && isWritable(element))
        .map((element) => [
          attribute(child(element, 'target'), 'dev'),
          canonical(element, ['source', 'backingStore']),
        ]),
    ),
    parts,
  };
}

/** One text for one meaning: attributes in order, no space between elements. */
function canonical(element: Element, without: string[] = []): string {
  const attributes = Array.from(element.attributes)
    .map(({ name, value }) => `${name}=${JSON.stringify(value)}`)
    .sort();
  const inner = children(element).filter(({ nodeName }) => !without.includes(nodeName));
  const words = inner.length === 0 ? (element.textContent ?? '').trim() : '';
  const head = [element.nodeName, ...attributes].join(' ');
  return `<${head}>${words}${inner.map((each) => canonical(each)).join('')}</>`;
}

/**
 * The inactive definition with the disks that the running machine has: what is attached or snapshotted only while it runs is
 * part of the machine a copy is made of; what was only written into the definition is not yet.
 */
export const withLiveDisks = remembering((inactive: string, live: string): string => {
  const root = parseRoot(inactive);
  const devices = child(root, 'devices');
  const liveDevices = child(parseRoot(live), 'devices');
  if (!devices || !liveDevices) return inactive;
  const targetOf = (disk: Element): string => attribute(child(disk, 'target'), 'dev');
  const kept = new Map(
    children(devices, 'disk')
      .filter(isWritable)
      .map((disk) => [targetOf(disk), disk]),
  );
  let changed = false;
  for (const disk of children(liveDevices, 'disk').filter(isWritable)) {
    const own = kept.get(targetOf(disk));
    kept.delete(targetOf(disk));
    if (own && sameImage(own, disk)) continue;
    const taken = root.ownerDocument?.importNode(stripped(disk), true);
    if (!taken) continue;
    changed = true;
    if (own) devices.replaceChild(taken, own);
    else devices.appendChild(taken);
  }
  for (const disk of kept.values()) devices.removeChild(disk);
  return changed || kept.size > 0 ? new XMLSerializer().serializeToString(root) : inactive;
});

const driverOf = (disk: Element): string => attribute(child(disk, 'driver'), 'type');

function sameImage(a: Element, b: Element): boolean {
  const [one, other] = [child(a, 'source'), child(b, 'source')];
  const names = ['file', 'dev', 'name', 'volume'];
  return (
    a.getAttribute('type') === b.getAttribute('type') &&
    driverOf(a) === driverOf(b) &&
    names.every((name) => attribute(one, name) === attribute(other, name))
  );
}

/** Without what only the running process is about. */
function stripped(disk: Element): Element {
  const copy = disk.cloneNode(true) as Element;
  for (const tag of ['alias', 'backingStore', 'mirror'])
    for (const element of children(copy, tag)) copy.removeChild(element);
  child(copy, 'source')?.removeAttribute('index');
  return copy;
}
