/**
 * One client under test, in a process of its own: `node client.js NAME ws://fuzzing-server`.
 * Over TLS, CONFORMANCE_CA has the certificate of `localhost` that is to be trusted.
 */

import { createRequire } from 'node:module';
import { WebSocket } from '../../lib/client/websocket.ts';
import { type DrivenSocket, drive } from '../../lib/conformance/drive.ts';

const require = createRequire(new URL('../../../bench/package.json', import.meta.url));
type Constructor = new (url: string, options?: object) => DrivenSocket;

const ca = process.env['CONFORMANCE_CA'];

const OPEN: Readonly<Record<string, () => (url: string) => DrivenSocket>> = {
  barewire: () => (url) =>
    new WebSocket(url, {
      perMessageDeflate: { thresholdBytes: 0 },
      maxMessageBytes: 67_108_864,
      ...(ca !== undefined && { tls: { ca, servername: 'localhost' } }),
    }) as unknown as DrivenSocket,
  ws: () => {
    const { WebSocket: Peer } = require('ws') as { WebSocket: Constructor };
    const options = {
      perMessageDeflate: { threshold: 0 },
      maxPayload: 268_435_456,
      maxFragments: 0,
      maxBufferedChunks: 0,
    };
    return (url) => new Peer(url, options);
  },
  undici: () => {
    const { WebSocket: Peer } = require('undici') as { WebSocket: Constructor };
    return (url) => new Peer(url);
  },
};

const [, , name = '', url = ''] = process.argv;
const make = OPEN[name];
if (make === undefined) throw new Error(`there is no client ${name}`);
await drive({ url, agent: name, open: make(), parallel: 8, shutdown: true });
process.exit(0);
