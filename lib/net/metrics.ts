/**
 * A server's counters as text for Prometheus (text format 0.0.4): HELP and TYPE once for each name, then its samples.
 *
 * Counters never fall: what a connection has carried is counted by itself while it is open, and by its route afterwards.
 * Complexity: O(open connections + routes × close codes). Knows how to write numbers down, and changes none.
 * Read next: `observed.ts`.
 */

import type { Histogram, Observed, RouteObserved } from './observed.ts';
import type { OpenConnections } from './open-connections.ts';
import { ServerStream } from './server-event-stream.ts';
import { ServerSocket } from './server-websocket.ts';

type Labels = Readonly<Record<string, string | number>>;

/** One line: what is added to the family's name, labels, value. */
type Sample = readonly [suffix: string, labels: Labels, value: number];

interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly samples: readonly Sample[];
}

/** What the connections of one route have carried, the open ones included, and what waits in them. */
interface Sums {
  receivedBytes: number;
  sentBytes: number;
  receivedMessages: number;
  sentMessages: number;
  queuedBytes: number;
}

/** Renders everything that is known of a server. */
export function renderMetrics(open: OpenConnections, observed: Observed): string {
  const routes = [...observed.routes.values()];
  return [...serverFamilies(open, observed), ...routeFamilies(routes, sumsOf(open, routes))].map(renderFamily).join('');
}

function sumsOf(open: OpenConnections, routes: readonly RouteObserved[]): ReadonlyMap<RouteObserved, Sums> {
  const sums = new Map<RouteObserved, Sums>(routes.map((route) => [route, { ...route.carried, queuedBytes: 0 }]));
  const add = (route: RouteObserved | undefined, stats: Readonly<Sums>): void => {
    const sum = route && sums.get(route);
    if (sum === undefined) return;
    for (const key of ['receivedBytes', 'sentBytes', 'receivedMessages', 'sentMessages', 'queuedBytes'] as const)
      sum[key] += stats[key];
  };
  for (const face of open.webSockets) add(ServerSocket.inside.observed(face), face.stats);
  for (const face of open.eventStreams) add(ServerStream.observed(face), face.stats);
  return sums;
}

function serverFamilies(open: OpenConnections, { connects, refusals, errors }: Observed): Family[] {
  const { http, webSockets, eventStreams } = open.counts;
  return [
    {
      name: 'barewire_connects_total',
      help: 'Connections that were accepted.',
      type: 'counter',
      samples: [['', {}, connects]],
    },
    {
      name: 'barewire_connections',
      help: 'Connections that are open, by what they are.',
      type: 'gauge',
      samples: [
        ['', { kind: 'http' }, http],
        ['', { kind: 'websocket' }, webSockets],
        ['', { kind: 'event-stream' }, eventStreams],
      ],
    },
    {
      name: 'barewire_refusals_total',
      help: 'Connections and requests that were refused, by reason.',
      type: 'counter',
      samples: [...refusals].map(([why, count]) => ['', { why }, count]),
    },
    {
      name: 'barewire_handler_errors_total',
      help: 'What handlers threw or rejected with.',
      type: 'counter',
      samples: [['', {}, errors]],
    },
  ];
}

function routeFamilies(routes: readonly RouteObserved[], sums: ReadonlyMap<RouteObserved, Sums>): Family[] {
  const labels = ({ place: { kind, route } }: RouteObserved): Labels => ({ kind, route });
  const each = (
    type: 'counter' | 'gauge',
    name: string,
    help: string,
    value: (route: RouteObserved) => number,
  ): Family => ({ name, help, type, samples: routes.map((route) => ['', labels(route), value(route)]) });
  const histogram = (name: string, help: string, of: (route: RouteObserved) => Histogram): Family => ({
    name,
    help,
    type: 'histogram',
    samples: routes.flatMap((route) => histogramSamples(of(route), labels(route))),
  });
  return [
    each('counter', 'barewire_opened_total', 'WebSockets and event streams that were opened.', (route) => route.opened),
    {
      name: 'barewire_closed_total',
      help: 'WebSockets and event streams that have ended, by close code (0: an event stream has none).',
      type: 'counter',
      samples: routes.flatMap((route) =>
        [...route.closed].map(([code, count]): Sample => ['', { ...labels(route), code }, count]),
      ),
    },
    each('counter', 'barewire_received_messages_total', 'Messages that came.', (r) => sums.get(r)!.receivedMessages),
    each('counter', 'barewire_sent_messages_total', 'Messages and events sent.', (r) => sums.get(r)!.sentMessages),
    each(
      'counter',
      'barewire_received_bytes_total',
      'Octets that came, framing included.',
      (r) => sums.get(r)!.receivedBytes,
    ),
    each(
      'counter',
      'barewire_sent_bytes_total',
      'Octets given to the system, framing included.',
      (r) => sums.get(r)!.sentBytes,
    ),
    each('gauge', 'barewire_queued_bytes', 'Octets that wait for peers to take them.', (r) => sums.get(r)!.queuedBytes),
    each('counter', 'barewire_backpressure_total', 'Messages that had to wait.', (route) => route.backpressures),
    each('counter', 'barewire_dropped_messages_total', 'Messages that were not accepted.', (route) => route.drops),
    histogram('barewire_connection_duration_seconds', 'How long connections were open.', (route) => route.durations),
    histogram('barewire_round_trip_seconds', 'From a ping to its pong.', (route) => route.roundTrips),
  ];
}

/** Buckets of Prometheus are cumulative, the last is that of all values. */
function histogramSamples({ bounds, counts, sum }: Histogram, labels: Labels): Sample[] {
  let count = 0;
  const buckets = counts.map((inBucket, i): Sample => {
    count += inBucket;
    return ['_bucket', { ...labels, le: i < bounds.length ? String(bounds[i]) : '+Inf' }, count];
  });
  return [...buckets, ['_sum', labels, sum], ['_count', labels, count]];
}

function renderFamily({ name, help, type, samples }: Family): string {
  const lines = samples.map(([suffix, labels, value]) => `${name}${suffix}${renderLabels(labels)} ${value}\n`);
  return `# HELP ${name} ${escaped(help)}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

function renderLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${escaped(String(value)).replaceAll('"', '\\"')}"`,
  );
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

/** The format's two escapes of a help text; a label's value has one more, for the quotation mark. */
function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}
