/**
 * Paths and methods to values: static segments, `:parameters`, and `*` for the rest.
 *
 * Pure: knows no handler and no request; what a route's value is, is the caller's business. In: a method and a path as
 * it was sent. Out: the value and the decoded parameters, or why there is none.
 * A tree of segments; at each node a static match is tried before a parameter, a parameter before the rest. The patterns
 * are the application's, so the tree's size is too; a look-up visits each node of it at most once, with or without a
 * method. Maps everywhere: no segment is special. Read next: `../net/server.ts`.
 */

import { isToken } from './grammar.ts';

/** What a look-up found. */
export type Match<T> =
  | { readonly kind: 'found'; readonly value: T; readonly params: Readonly<Record<string, string>> }
  | { readonly kind: 'not-found' }
  /** A parameter of the path is not valid percent-encoded UTF-8 (RFC 3986 §2.1). */
  | { readonly kind: 'bad-path' }
  /** There are routes for the path, but for other methods: these. */
  | { readonly kind: 'method-not-allowed'; readonly allow: string[] };

interface Node<T> {
  readonly children: Map<string, Node<T>>;
  parameter: Node<T> | undefined;
  rest: Leaf<T> | undefined;
  leaf: Leaf<T> | undefined;
}

interface Leaf<T> {
  readonly methods: Map<string, { readonly value: T; readonly names: readonly string[] }>;
}

/** A table of routes. Memory: one node for each distinct segment of the patterns. */
export class Router<T> {
  readonly #root: Node<T> = emptyNode();

  /**
   * Adds a route for any method: a token, case-sensitive (RFC 9110 §9.1).
   * @throws TypeError for a method that is no token, and for a pattern without a leading slash, with a malformed parameter, or that is there already
   */
  add(method: string, pattern: string, value: T): void {
    if (!isToken(method)) throw new TypeError(`method ${JSON.stringify(method)} is not a token (RFC 9110 §9.1)`);
    if (!pattern.startsWith('/')) throw new TypeError(`route ${JSON.stringify(pattern)} must begin with "/"`);
    const names: string[] = [];
    const segments = pattern.slice(1).split('/');
    let node = this.#root;
    let leaf: Leaf<T> | undefined;
    for (const [i, segment] of segments.entries()) {
      if (segment === '*') {
        if (i !== segments.length - 1)
          throw new TypeError(`"*" must be the last segment of route ${JSON.stringify(pattern)}`);
        names.push('*');
        node.rest ??= { methods: new Map() };
        leaf = node.rest;
        break;
      }
      if (segment.startsWith(':')) {
        const name = segment.slice(1);
        if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || names.includes(name)) {
          throw new TypeError(
            `parameter ${JSON.stringify(segment)} of route ${JSON.stringify(pattern)} is malformed or there twice`,
          );
        }
        names.push(name);
        node.parameter ??= emptyNode();
        node = node.parameter;
      } else {
        if (/[*?#\s]/.test(segment))
          throw new TypeError(
            `segment ${JSON.stringify(segment)} of route ${JSON.stringify(pattern)} cannot be matched`,
          );
        let child = node.children.get(segment);
        if (child === undefined) {
          child = emptyNode();
          node.children.set(segment, child);
        }
        node = child;
      }
    }
    if (leaf === undefined) {
      node.leaf ??= { methods: new Map() };
      leaf = node.leaf;
    }
    if (leaf.methods.has(method)) throw new TypeError(`route ${method} ${pattern} is there already`);
    leaf.methods.set(method, { value, names });
  }

  /** `path` is as it was sent: percent-encoded, without the query. */
  match(method: string, path: string): Match<T> {
    if (!path.startsWith('/')) return { kind: 'not-found' };
    const segments = path.slice(1).split('/');
    const values: string[] = [];
    const found =
      this.#find(this.#root, segments, 0, values, method) ?? this.#find(this.#root, segments, 0, values, undefined);
    if (found === undefined) return { kind: 'not-found' };
    const route = found.methods.get(method);
    if (route === undefined) {
      const allow = [...found.methods.keys()];
      if (allow.includes('GET')) allow.push('HEAD');
      return { kind: 'method-not-allowed', allow };
    }
    if (route.names.length === 0) return { kind: 'found', value: route.value, params: NO_PARAMS };
    // Object.create(null) is a hash table to V8: 216 bytes, which a WebSocket keeps; this is 56, for 13 ns more.
    const params: Record<string, string> = Object.setPrototypeOf({}, null);
    for (const [i, name] of route.names.entries()) {
      const decoded = decode(values[i]!);
      if (decoded === undefined) return { kind: 'bad-path' };
      params[name] = decoded;
    }
    return { kind: 'found', value: route.value, params };
  }

  /** The best leaf for the segments from `i` on that has `method` (any, if undefined); fills `values`. */
  #find(
    node: Node<T>,
    segments: readonly string[],
    i: number,
    values: string[],
    method: string | undefined,
  ): Leaf<T> | undefined {
    const fits = (leaf: Leaf<T> | undefined) =>
      leaf !== undefined && (method === undefined || leaf.methods.has(method));
    if (i === segments.length) return fits(node.leaf) ? node.leaf : undefined;
    const segment = segments[i]!;
    const child = node.children.get(segment);
    const exact = child === undefined ? undefined : this.#find(child, segments, i + 1, values, method);
    if (exact !== undefined) return exact;
    const depth = values.length;
    if (node.parameter !== undefined && segment !== '') {
      values.push(segment);
      const found = this.#find(node.parameter, segments, i + 1, values, method);
      if (found !== undefined) return found;
      values.length = depth;
    }
    if (!fits(node.rest)) return undefined;
    values.push(segments.slice(i).join('/'));
    return node.rest;
  }
}

const NO_PARAMS: Readonly<Record<string, string>> = Object.freeze(Object.create(null));

function emptyNode<T>(): Node<T> {
  return { children: new Map(), parameter: undefined, rest: undefined, leaf: undefined };
}

function decode(segment: string): string | undefined {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
