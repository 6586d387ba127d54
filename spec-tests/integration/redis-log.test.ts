/** The log on a real Redis: the contract of all logs through both clients, then what is its own. */

import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import {
  openRedisLog,
  type RedisLog,
  type RedisLogOptions,
  type RedisTrouble,
} from '../../lib/room-logs/redis-index.ts';
import { describeRoomLog } from '../rooms/log-contract.ts';
import { missing } from './installed.ts';
import { CLIENTS, type TestClient } from './redis-clients.ts';
import { type RedisServer, startRedis } from './redis-server.ts';

for (const client of ['ioredis', 'redis'] as const) {
  const skip = missing({ packages: [client], programs: ['redis-server'] });
  describe(`through ${client}`, { skip }, () => {
    let server: RedisServer;
    let stores = 0;
    before(async () => {
      server = await startRedis();
    });
    after(() => server.stop());

    describeRoomLog('Redis', async (options) => {
      const prefix = `test${stores++}`; // an empty store of its own
      const troubles: RedisTrouble[] = [];
      const onTrouble = (trouble: RedisTrouble): void => void troubles.push(trouble);
      const opened: { client: TestClient; log: RedisLog }[] = [];
      const open = async (): Promise<RedisLog> => {
        const connected = await CLIENTS[client](server.port);
        const log = await openRedisLog(connected.port, { ...(options as RedisLogOptions), prefix, onTrouble });
        opened.push({ client: connected, log });
        return log;
      };
      return {
        log: await open(),
        another: open,
        exactBounds: true,
        async dispose() {
          for (const each of opened) {
            await each.log.close();
            each.client.close();
          }
          assert.deepEqual(troubles, [], 'Redis was well all the time');
        },
      };
    });
  });
}
