/**
 * Every MUST, MUST NOT and SHOULD that concerns us, and the tests that prove it: data only, one file a standard, or a part of a long one.
 *
 * Left out: what is addressed to intermediaries, proxies, browsers' user interfaces, IANA and authors of extensions.
 * Read next: `requirement.ts`, then `../requirements.test.ts`, which checks all of it.
 */

import { HTML_9_2 } from './html-9.2.ts';
import { IN_FRONT_OF_ROUTES } from './in-front-of-routes.ts';
import type { Requirement } from './requirement.ts';
import { RFC6455_CLOSING } from './rfc6455-closing.ts';
import { RFC6455_FRAMES } from './rfc6455-frames.ts';
import { RFC6455_OPENING } from './rfc6455-opening.ts';
import { RFC7692 } from './rfc7692.ts';
import { RFC8441 } from './rfc8441.ts';
import { RFC9112_CONNECTIONS } from './rfc9112-connections.ts';
import { RFC9112_MESSAGES } from './rfc9112-messages.ts';

export type { Requirement };

export const REQUIREMENTS: readonly Requirement[] = [
  ...RFC6455_OPENING,
  ...RFC6455_FRAMES,
  ...RFC6455_CLOSING,
  ...RFC7692,
  ...RFC8441,
  ...RFC9112_MESSAGES,
  ...RFC9112_CONNECTIONS,
  ...HTML_9_2,
  ...IN_FRONT_OF_ROUTES,
];
