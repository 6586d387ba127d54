/**
 * The workloads, by id. Each says what the server does and what the load does; nothing here runs anything.
 *
 * Ids read `echo-20x64`: octets, connections, and a second `x` for messages in flight on each where it is not one.
 */

import type { Ability } from '../peers/peers.ts';

interface Common {
  readonly id: string;
  /** As it stands in a table. */
  readonly title: string;
  /** What is counted. */
  readonly unit: 'messages' | 'deliveries' | 'connections' | 'requests' | 'events';
  readonly needs: readonly Ability[];
  /** In the selection that `--workloads` defaults to. */
  readonly standard: boolean;
}

interface Shaped {
  readonly sizeBytes: number;
  readonly kind: 'text' | 'utf8' | 'binary';
  readonly compressed: boolean;
}

export interface EchoWorkload extends Common, Shaped {
  readonly type: 'echo';
  readonly connections: number;
  readonly inFlight: number;
}

export interface FanOutWorkload extends Common, Shaped {
  readonly type: 'fan-out';
  readonly members: number;
  readonly inFlight: number;
  readonly slowMembers: number;
}

export type Workload = EchoWorkload | FanOutWorkload;

function echo(
  id: string,
  title: string,
  sizeBytes: number,
  kind: Shaped['kind'],
  connections: number,
  inFlight: number,
  compressed = false,
): EchoWorkload {
  const needs: Ability[] = compressed ? ['echo', 'deflate'] : ['echo'];
  return {
    type: 'echo',
    id,
    title,
    unit: 'messages',
    needs,
    standard: true,
    sizeBytes,
    kind,
    compressed,
    connections,
    inFlight,
  };
}

function fanOut(
  id: string,
  title: string,
  sizeBytes: number,
  members: number,
  inFlight: number,
  compressed = false,
  slowMembers = 0,
): FanOutWorkload {
  const needs: Ability[] = compressed ? ['fan-out', 'deflate'] : ['fan-out'];
  return {
    type: 'fan-out',
    id,
    title,
    unit: 'deliveries',
    needs,
    standard: true,
    sizeBytes,
    kind: 'text',
    compressed,
    members,
    inFlight,
    slowMembers,
  };
}

export const WORKLOADS: readonly Workload[] = [
  echo('echo-20x1', 'echo 20 B, 1 connection', 20, 'binary', 1, 1),
  echo('echo-20x64', 'echo 20 B, 64 connections', 20, 'binary', 64, 1),
  echo('echo-20x1000', 'echo 20 B, 1,000 connections', 20, 'binary', 1_000, 1),
  echo('echo-20x1x64', 'echo 20 B, 1 connection, 64 in flight', 20, 'binary', 1, 64),
  echo('echo-20x16x64', 'echo 20 B, 16 connections, 64 in flight', 20, 'binary', 16, 64),
  echo('echo-20x64x64', 'echo 20 B, 64 connections, 64 in flight', 20, 'binary', 64, 64),
  echo('echo-20x1000x64', 'echo 20 B, 1,000 connections, 64 in flight', 20, 'binary', 1_000, 64),
  echo('echo-100tx16x64', 'echo 100 B text, 16 connections, 64 in flight', 100, 'text', 16, 64),
  echo('echo-1kx64x4', 'echo 1 KiB, 64 connections, 4 in flight', 1_024, 'binary', 64, 4),
  echo('echo-16kx32x2', 'echo 16 KiB, 32 connections, 2 in flight', 16_384, 'binary', 32, 2),
  echo('echo-16ktx32x2', 'echo 16 KiB text, 32 connections, 2 in flight', 16_384, 'text', 32, 2),
  echo('echo-16kux32x2', 'echo 16 KiB text beyond ASCII, 32 connections, 2 in flight', 16_384, 'utf8', 32, 2),
  echo('echo-1mx4', 'echo 1 MiB, 4 connections', 1_048_576, 'binary', 4, 1),
  fanOut('fanout-100x100x8', 'fan-out 100 B to 100, 8 in flight', 100, 100, 8),
  fanOut('fanout-100x1000', 'fan-out 100 B to 1,000', 100, 1_000, 1),
  echo('deflate-200x16x4', 'compressed echo 200 B, 16 connections, 4 in flight', 200, 'text', 16, 4, true),
  echo('deflate-4kx16x4', 'compressed echo 4 KiB, 16 connections, 4 in flight', 4_096, 'text', 16, 4, true),
  fanOut('deflate-fanout-1kx100x8', 'compressed fan-out 1 KiB to 100, 8 in flight', 1_024, 100, 8, true),
];
