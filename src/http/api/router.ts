/** Which operation a request asks for: whole segments, named ones before those that vary. */
import { CountersignError } from '../../core/errors.ts';
import type { Operation } from './operation.ts';

export interface Matched {
  readonly operation: Operation;
  readonly params: Readonly<Record<string, string>>;
}

export interface Router {
  /** `path` without query. @throws CountersignError route_not_found, method_not_allowed */
  find(method: string, path: string): Matched;
  /** The beginning of a path that stands in the table: the rest may be a token in a wrong place. */
  knownPart(path: string): string;
}

interface Node {
  readonly named: Map<string, Node>;
  /** The segment that varies, where one is allowed. */
  varying: Node | null;
  readonly operations: Map<string, Leaf>;
}

interface Leaf {
  readonly operation: Operation;
  /** Names of the segments that vary, by their place. */
  readonly varying: ReadonlyMap<number, string>;
}

const VARYING = /^\{(\w+)\}$/;

/** @throws TypeError where two operations have one method and path */
export function createRouter(operations: readonly Operation[]): Router {
  const root = newNode();
  for (const operation of operations) add(root, operation);
  const unvarying = operations.map(({ path }) => path).filter((path) => !path.includes('{'));
  const known = new Map(unvarying.map((path) => [path, descend(root, segmentsOf(path))]));
  return {
    knownPart: (path) => knownPart(root, path),
    find: (method, path) => {
      const node = known.get(path) ?? descend(root, segmentsOf(path));
      if (node === null || node.operations.size === 0)
        throw new CountersignError('route_not_found', 'no such operation');
      const leaf = node.operations.get(method);
      if (leaf !== undefined) return { operation: leaf.operation, params: paramsOf(leaf, path) };
      const parameter = [...node.operations.keys()].join(', ');
      throw new CountersignError('method_not_allowed', 'the path has no such method', { parameter });
    },
  };
}

function newNode(): Node {
  return { named: new Map(), varying: null, operations: new Map() };
}

function add(root: Node, operation: Operation): void {
  const segments = operation.path.split('/').slice(1);
  const node = segments.reduce(childFor, root);
  if (node.operations.has(operation.method))
    throw new TypeError(`${operation.method} ${operation.path} is declared twice`);
  const names = segments.map((segment, place) => [place, VARYING.exec(segment)?.[1] ?? ''] as const);
  const varying = new Map(names.filter(([, name]) => name !== ''));
  node.operations.set(operation.method, { operation, varying });
}

function childFor(node: Node, segment: string): Node {
  if (VARYING.test(segment)) {
    node.varying ??= newNode();
    return node.varying;
  }
  const child = node.named.get(segment) ?? newNode();
  node.named.set(segment, child);
  return child;
}

/** A named segment shadows a varying one: no id reads `search`. */
function descend(root: Node, segments: readonly string[]): Node | null {
  let node: Node | null = root;
  for (const segment of segments) node = node?.named.get(segment) ?? node?.varying ?? null;
  return node;
}

function knownPart(root: Node, path: string): string {
  let known = '';
  let node: Node | undefined = root;
  for (const segment of path.split('/').slice(1)) {
    node = node.named.get(segment);
    if (node === undefined) break;
    known += `/${segment}`;
  }
  return known;
}

/** @throws CountersignError route_not_found for what is no path of ours in any spelling */
function segmentsOf(path: string): readonly string[] {
  const [before, ...segments] = path.split('/');
  if (before !== '' || segments.includes('')) throw new CountersignError('route_not_found', 'no such path');
  return segments;
}

function paramsOf({ varying }: Leaf, path: string): Record<string, string> {
  const params: Record<string, string> = {};
  if (varying.size === 0) return params;
  const segments = segmentsOf(path);
  for (const [place, name] of varying) params[name] = decode(segments[place] ?? '');
  return params;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new CountersignError('route_not_found', 'a segment is no percent-encoded UTF-8');
  }
}
