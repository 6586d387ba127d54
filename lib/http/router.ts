/**
 * Paths and methods to values: static segments, `:parameters`, and `*` for the rest.
 *
 * Pure: knows no handler and no request; what a route's value is, is the caller's business. In: a method and a path as
 * it was sent. Out: the value and the decoded parameters, or why there is none.
 * A tree of segments; at each node a static match is tried before a parameter, a parameter before the rest. The patterns
 * are the application's, so the tree's size is too; a look-up visits each node of it at most once, with or without a
 * method. Maps everywhere: no segment is special. Read next: `../net/dispatch.ts`.
 */

import { isToken } from './grammar.ts';

/** What a look-up found. */
export type Match<T> =
  | { readonly kind: 'found'; readonly value: T; readonly params: Readonly<Record<string, string>> }
  | { readonly kind: 'not-found' }
  /** A parameter of the path is not valid percent-encoded UTF-8 (RFC 3986 §2.1). */
  | { readonly kind: 'bad-path' }
  /** There are routes for the path, but for other methods: these, of all patterns that take the path. */
  | { readonly kind: 'method-not-allowed'; readonly allow: string[]; readonly webSocket: boolean };

/** In place of a method: a route that is reached by an upgrade. No token, so that no request can have it as its method. */
export const WEBSOCKET = '(websocket)';

interface Node<T> {
  readonly children: Map<string, Node<T>>;
  parameter: Node<T> | undefined;
  rest: Leaf<T> | undefined;
  leaf: Leaf<T> | undefined;
}

interface Leaf<T> {
  readonly methods: Map<string, Route<T>>;
}

interface Route<T> {
  readonly value: T;
  readonly names: readonly string[];
}

/** A table of routes. Memory: one node for each distinct segment of the patterns. */
export class Router<T> {
  readonly #root: Node<T> = emptyNode();
  /** The methods of all routes. */
  readonly #known = new Set<string>();

  /**
   * Adds a route for any method, a token, case-sensitive (RFC 9110 §9.1), or for `WEBSOCKET`.
   * @throws TypeError for a method that is no token, and for a pattern without a leading slash, with a malformed parameter, or that is there already
   */
  add(method: string, pattern: string, value: T): void {
    if (!isToken(method) && method !== WEBSOCKET)
      throw new TypeError(`method ${JSON.stringify(method)} is not a token (RFC 9110 §9.1)`);
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
        // RFC 9112 §3.2: a path is sent in ASCII, anything else percent-encoded, and is matched as it was sent.
        if (/[*?#\s]|[^\x21-\x7e]/.test(segment))
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
    if (leaf.methods.has(method))
      throw new TypeError(`route ${method} ${pattern} is there already, perhaps under other names of its parameters`);
    leaf.methods.set(method, { value, names });
    this.#known.add(method);
  }

  /** Whether any route has this method: one that none has is answered 501, and not 405 (RFC 9110 §15.6.2). */
  knows(method: string): boolean {
    return this.#known.has(method);
  }

  /**
   * Looks for a route. `path` is as it was sent: percent-encoded, without the query. HEAD is answered by a route for GET where
   * there is none of its own (RFC 9110 §9.3.2).
   */
  match(method: string, path: string): Match<T> {
    const segments = segmentsOf(path);
    if (segments === undefined) return { kind: 'not-found' };
    const values: string[] = [];
    const route =
      this.#find(this.#root, segments, 0, values, method) ??
      (method === 'HEAD' ? this.#find(this.#root, segments, 0, values, 'GET') : undefined);
    if (route === undefined) {
      const methods = this.#methods(segments);
      if (methods.size === 0) return { kind: 'not-found' };
      const webSocket = methods.delete(WEBSOCKET);
      return { kind: 'method-not-allowed', allow: [...methods], webSocket };
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

  /** The methods of all routes that take the path, HEAD where there is GET, without `WEBSOCKET`: for Allow and for preflights. */
  methods(path: string): string[] {
    const methods = this.#methods(segmentsOf(path) ?? []);
    methods.delete(WEBSOCKET);
    return [...methods];
  }

  #methods(segments: readonly string[]): Set<string> {
    const methods = new Set<string>();
    collect(this.#root, segments, 0, methods);
    if (methods.has('GET')) methods.add('HEAD');
    return methods;
  }

  /** The best route for the segments from `i` on that has `method`; fills `values`. */
  #find(node: Node<T>, segments: readonly string[], i: number, values: string[], method: string): Route<T> | undefined {
    if (i === segments.length) return node.leaf?.methods.get(method);
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
    const rest = node.rest?.methods.get(method);
    if (rest !== undefined) values.push(segments.slice(i).join('/'));
    return rest;
  }
}

/** Adds the methods of every route below `node` that takes the segments from `i` on. */
function collect<T>(node: Node<T>, segments: readonly string[], i: number, methods: Set<string>): void {
  const leaf = i === segments.length ? node.leaf : node.rest;
  for (const method of leaf?.methods.keys() ?? []) methods.add(method);
  if (i === segments.length) return;
  const segment = segments[i]!;
  const child = node.children.get(segment);
  if (child !== undefined) collect(child, segments, i + 1, methods);
  if (node.parameter !== undefined && segment !== '') collect(node.parameter, segments, i + 1, methods);
}

function segmentsOf(path: string): string[] | undefined {
  return path.startsWith('/') ? path.slice(1).split('/') : undefined;
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
