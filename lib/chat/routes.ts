/**
 * What is asked over plain HTTP: saying by POST, the history, tickets, who am I, health and counters.
 *
 * Requests in, JSON out. A page of the history costs a read of what the log keeps of the room. Read next: `server.ts`.
 */

import { CHAT_LIMITS } from '../limits.ts';
import type { HttpRequest, HttpResponse } from '../net/api.ts';
import type { Hub } from '../rooms/hub.ts';
import { type LogPage, type LogRecord, RoomRefused } from '../rooms/log.ts';
import { planResume } from '../rooms/resume.ts';
import { metrics, Server } from '../server.ts';
import { errorEvent, json, problem, refusedByRoom } from './answers.ts';
import { type Parts, readPosition } from './channels.ts';
import { refuseLate } from './door.ts';
import type { Outgoing, Records } from './encoding.ts';
import { chatMetrics } from './metrics.ts';
import { type Problem, parseMessage } from './protocol.ts';
import { type Soon, soon } from './soon.ts';

/** What these routes need beside the rest. */
export interface HttpParts extends Parts {
  readonly hub: Hub<Outgoing>;
  readonly records: Records;
}

/** Adds all of them. */
export function addRoutes(server: Server, parts: HttpParts): void {
  const { door, settings, hub, members } = parts;
  const { base } = settings;
  const options = { allowedOrigins: ['same-origin', ...settings.allowedOrigins] };
  server.post(`${base}/rooms/:room/messages`, (request) => post(request, parts), options);
  server.get(`${base}/rooms/:room/messages`, (request) => history(request, parts), options);
  server.get(
    `${base}/rooms/:room/joinable`,
    async (request) => {
      if (Server.inside(server, 'mountChat').closing()) return CLOSING;
      return joinable(request, parts);
    },
    options,
  );
  server.post(
    `${base}/tickets`,
    async (request) => {
      const given = await door.ticket(request);
      return 'refusal' in given ? given.refusal : json(201, { ...given, expiresInMs: CHAT_LIMITS.ticketMs });
    },
    options,
  );
  server.get(
    `${base}/whoami`,
    async (request) => {
      const user = await door.whoIs(request, () => '?');
      if ('refusal' in user) return user.refusal;
      const you = user.id === '?' ? null : { id: user.id, name: user.name };
      return json(200, { you, choosesName: door.choosesName });
    },
    options,
  );
  const health = (status: string): object => ({ status, rooms: hub.size, members: members.size });
  server.get(`${base}/healthz`, () => json(200, health('ok')));
  server.get(`${base}/readyz`, async () => {
    if (Server.inside(server, 'mountChat').closing()) return json(503, health('closing'));
    const message = await parts.talk.health.problem();
    return message === undefined ? json(200, health('ok')) : json(503, { ...health('log'), message });
  });
  server.get(`${base}/metrics`, () => ({
    headers: { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' },
    body: metrics(server) + chatMetrics(parts),
  }));
}

function post(request: HttpRequest, { door, talk, settings, records }: HttpParts): Soon<HttpResponse> {
  return soon(door.request(request, 'say'), (admitted): Soon<HttpResponse> => {
    if (admitted.refusal !== undefined) return admitted.refusal;
    const parsed = readPosted(request, settings.maxTextBytes);
    if ('problem' in parsed) return problem(errorEvent(parsed.problem, parsed.message));
    return soon(talk.say(admitted, parsed, true), (answer): Soon<HttpResponse> => {
      if ('code' in answer)
        return answer.code === 'RATE_LIMITED'
          ? refuseLate(answer, settings.clock).then(({ refusal }) => refusal)
          : problem(answer);
      const { record, sequence } = answer;
      // A repeat may outlive its record: then there is the number alone.
      const said =
        record === undefined ? { type: 'ack', id: parsed.id, sequence } : records.json(admitted.room, record);
      return json(201, said);
    });
  });
}

/** Like what a server that closes answers to new connections. */
const CLOSING: HttpResponse = { status: 503, headers: { 'Retry-After': '1' }, body: 'the server is closing\n' };

/** What a join would be answered now. */
async function joinable(request: HttpRequest, { door, hub, settings }: HttpParts): Promise<HttpResponse> {
  const admitted = await door.joinable(request);
  if (admitted.refusal !== undefined) return admitted.refusal;
  const { maxRooms, maxMembers } = settings;
  const members = hub.find(admitted.room)?.size;
  const full =
    members === undefined
      ? hub.size >= maxRooms &&
        new RoomRefused('HUB_FULL', `there are ${hub.size} rooms with members, limit ${maxRooms}`)
      : members >= maxMembers &&
        new RoomRefused('ROOM_FULL', `room ${admitted.room} has ${members} members, limit ${maxMembers}`);
  return full ? problem(refusedByRoom(full)) : json(200, {});
}

async function history(request: HttpRequest, parts: HttpParts): Promise<HttpResponse> {
  const admitted = await parts.door.request(request, 'history');
  if (admitted.refusal !== undefined) return admitted.refusal;
  const { query } = request;
  const before = wholeQuery(query.get('before'), 1, Number.MAX_SAFE_INTEGER);
  const limit = wholeQuery(query.get('limit'), 1, CHAT_LIMITS.maxPageRecords);
  if (before === 'wrong' || limit === 'wrong')
    return problem(
      errorEvent('BAD_QUERY', `before must be a number from 1, limit one from 1 to ${CHAT_LIMITS.maxPageRecords}`),
    );
  const { hub, settings, records } = parts;
  let page: LogPage;
  try {
    page = await hub.log.read(admitted.room, undefined, Math.max(1, settings.maxHistoryMessages));
  } catch (error) {
    if (error instanceof RoomRefused) return problem(refusedByRoom(error));
    throw error;
  }
  for (const record of page.records) records.note(admitted.room, record);
  const { chosen, ...about } = choose(page, query.get('after'), before, limit);
  const { head } = page;
  const answer = {
    room: admitted.room,
    epoch: head.sequence === 0 ? '' : head.epoch,
    sequence: head.sequence,
    ...about,
  };
  // The messages are JSON already.
  const messages = chosen.map((record) => records.json(admitted.room, record)).join(',');
  return json(200, `${JSON.stringify(answer).slice(0, -1)},"messages":[${messages}]}`);
}

/** Which of the records that are kept were asked for. */
function choose(
  { head, records }: LogPage,
  after: string | null,
  before = Number.POSITIVE_INFINITY,
  limit: number = CHAT_LIMITS.maxPageRecords,
) {
  const first = records[0]?.sequence ?? head.sequence + 1;
  const numbering = { head, first, token: (sequence: number) => records[sequence - first]?.token };
  const { resumed, next, gap = null } = planResume(readPosition(after ?? ''), numbering, limit);
  if (resumed === 'resumed')
    return { reset: false, gap, more: false, chosen: records.filter(({ sequence }) => sequence >= next) };
  const older: readonly LogRecord[] = records.filter(({ sequence }) => sequence < before);
  const chosen = older.slice(-limit);
  return { reset: resumed === 'reset', gap, more: older.length > chosen.length, chosen };
}

function wholeQuery(text: string | null, minimum: number, maximum: number): number | 'wrong' | undefined {
  if (text === null) return undefined;
  const value = Number(text);
  return /^\d{1,16}$/.test(text) && value >= minimum && value <= maximum ? value : 'wrong';
}

/** What was posted: JSON with `text` and perhaps `id` if it says that it is JSON; otherwise the body is the text itself. */
function readPosted(
  request: HttpRequest,
  maxTextBytes: number,
): { readonly text: string; readonly id?: string } | Problem {
  if (!/^application\/json\s*(;|$)/i.test(request.headers.get('content-type') ?? ''))
    return parseMessage(request.text(), undefined, { maxTextBytes });
  let body: unknown;
  try {
    body = request.json();
  } catch {
    return { problem: 'BAD_JSON', message: 'the body is not JSON' };
  }
  if (typeof body !== 'object' || body === null)
    return { problem: 'BAD_JSON', message: 'the body is not a JSON object' };
  const { text, id } = body as Record<string, unknown>;
  return parseMessage(text, id, { maxTextBytes });
}
