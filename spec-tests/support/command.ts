/** `barewire` as people run it: a process of its own, what it prints, and how it ends. */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from './peers.ts';
import { patiently } from './sockets.ts';

export interface Running {
  readonly child: ChildProcess;
  /** What it has printed so far. */
  readonly output: { stdout: string; stderr: string };
  /** The exit code; null when a signal ended it. */
  readonly exited: Promise<number | null>;
}

export function barewire(...args: string[]): Running {
  const child = spawn(process.execPath, [join(ROOT, 'dist/lib/cli/main.js'), ...args]);
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    output.stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    output.stderr += chunk.toString();
  });
  return { child, output, exited: new Promise((resolve) => child.on('close', (code) => resolve(code))) };
}

/** Runs a command line to its end. */
export async function ended(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const { child, exited, output } = barewire(...args);
  try {
    const code = await patiently(`barewire ${args.join(' ')} to end`, exited);
    assert.doesNotMatch(output.stdout + output.stderr, /^\s+at |node:internal/m, 'no stack trace for a user’s mistake');
    return { code, ...output };
  } finally {
    child.kill('SIGKILL');
  }
}

/** Waits for the line that says where a server listens on 127.0.0.1. @returns the port */
export async function listening({ child, output, exited }: Running): Promise<number> {
  const line = await patiently(
    'the line that says where it listens',
    new Promise<string>((resolve, reject) => {
      child.stdout?.on('data', () => {
        if (output.stdout.includes('\n')) resolve(output.stdout);
      });
      void exited.then((code) => reject(new Error(`ended with ${code}: ${output.stderr}`)));
    }),
  );
  const port = Number(/\/\/127\.0\.0\.1:(\d+)\b/.exec(line)?.[1]);
  assert.ok(port > 0, line);
  return port;
}
