import { parse } from 'svelte/compiler';

/** Attributes whose text a person reads or hears. */
const SPOKEN = new Set([
  'title',
  'label',
  'alt',
  'placeholder',
  'aria-label',
  'aria-description',
  'aria-roledescription',
  'aria-valuetext',
  'hint',
  'text',
  'legend',
  'heading',
  'word',
  'summary',
  'emptyText',
]);

/** A text found outside the catalogue. */
export interface Literal {
  line: number;
  text: string;
}

interface AnyNode {
  type: string;
  start: number;
  [field: string]: unknown;
}

/** Words in a component's markup and script that a person would read and a translator could not reach. */
export function literalsIn(source: string): Literal[] {
  const tree = parse(source, { modern: true });
  const found: Literal[] = [];
  const note = (node: AnyNode, text: string): void => {
    const line = source.slice(0, node.start).split('\n').length;
    found.push({ line, text: text.trim() });
  };
  walk(tree.fragment as unknown as AnyNode, (node, parents) => {
    const attribute = parents.findLast(({ type }) => type === 'Attribute');
    if (attribute !== undefined && !SPOKEN.has(String(attribute.name))) return;
    for (const text of textsOf(node)) if (isWords(text)) note(node, text);
  });
  for (const script of [tree.instance, tree.module]) {
    if (!script) continue;
    walk(script.content as unknown as AnyNode, (node) => {
      for (const text of textsOf(node)) if (isSentence(text)) note(node, text);
    });
  }
  return found;
}

function textsOf(node: AnyNode): string[] {
  if (node.type === 'Text') return [String(node.data)];
  if (node.type === 'Literal' && typeof node.value === 'string') return [node.value];
  if (node.type !== 'TemplateElement') return [];
  const { cooked } = node.value as { cooked?: string };
  return [cooked ?? ''];
}

/** Two letters in a row are a word. */
const isWords = (text: string): boolean => /\p{L}{2,}/u.test(text);

/** In code, names and keys are words too: what is said to a person has a capital and a space. */
const isSentence = (text: string): boolean => /^\s*\p{Lu}\p{Ll}+[\s,]+\p{L}+/u.test(text);

function walk(
  node: AnyNode,
  see: (node: AnyNode, parents: AnyNode[]) => void,
  parents: AnyNode[] = [],
): void {
  if (SKIPPED.has(node.type)) return;
  see(node, parents);
  for (const [field, value] of Object.entries(node)) {
    // Tests in `{#if x === 'done'}`, keys and types are code.
    if (CODE.has(`${node.type}.${field}`) || CODE.has(field)) continue;
    for (const child of Array.isArray(value) ? value : [value]) {
      if (isNode(child)) walk(child, see, [...parents, node]);
    }
  }
}

const SKIPPED = new Set(['Comment', 'StyleSheet', 'ImportDeclaration', 'ClassDirective', 'StyleDirective']);
const CODE = new Set([
  'test',
  'key',
  'typeAnnotation',
  'IfBlock.test',
  'SvelteElement.tag',
  'BinaryExpression.left',
  'BinaryExpression.right',
  'MemberExpression.property',
  'CallExpression.callee',
  'typeArguments',
]);

const isNode = (value: unknown): value is AnyNode =>
  typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
