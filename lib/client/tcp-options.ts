/**
 * The options of TCP that clients take, and what `node:net` calls them: for connections to servers and to proxies.
 *
 * Opens nothing. Read next: `dialer.ts`.
 */

import type { LookupFunction, NetConnectOpts } from 'node:net';
import { asError } from '../errors.ts';

/** What `node:net` is told of a TCP connection. */
export interface TcpOptions {
  /** Resolves host names in place of the system's resolver. */
  readonly lookup?: LookupFunction | undefined;
  /** 4 or 6: only addresses of this family. Default: both. */
  readonly family?: 0 | 4 | 6 | undefined;
  /** The local address to connect from. */
  readonly localAddress?: string | undefined;
  /** Tries a host's IPv6 and IPv4 addresses in turn (RFC 8305, as far as Node goes). Default true. */
  readonly autoSelectFamily?: boolean | undefined;
  /** How long one address may take before the next is tried. Default 250, Node's own. */
  readonly autoSelectFamilyAttemptTimeoutMs?: number | undefined;
}

/** What `node:net` and `node:tls` call the options of TCP. */
export function tcpOptions(tcp: TcpOptions | undefined): Partial<NetConnectOpts> {
  const { lookup, family, localAddress, autoSelectFamily, autoSelectFamilyAttemptTimeoutMs } = tcp ?? {};
  return {
    noDelay: true,
    ...(lookup && { lookup: toldInCallback(lookup) }),
    ...(family && { family }),
    ...(localAddress && { localAddress }),
    autoSelectFamily: autoSelectFamily ?? true,
    ...(autoSelectFamilyAttemptTimeoutMs && { autoSelectFamilyAttemptTimeout: autoSelectFamilyAttemptTimeoutMs }),
  };
}

/** A resolver that throws or rejects has found nothing, like one that calls back with an error. */
function toldInCallback(lookup: LookupFunction): LookupFunction {
  return (host, options, callback) => {
    const failed = (error: unknown): void => process.nextTick(callback, asError(error), '', 0);
    try {
      const answer: unknown = lookup(host, options, callback);
      if (answer instanceof Promise) answer.catch(failed);
    } catch (error) {
      failed(error);
    }
  };
}
