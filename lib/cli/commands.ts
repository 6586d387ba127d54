/** The commands of `barewire`, loaded when they are called. */

export interface Command {
  readonly name: string;
  readonly summary: string;
  /** It is a server, which goes on when nobody reads its output any more. */
  readonly serves?: boolean;
  readonly load: () => Promise<{ run(args: string[]): Promise<number> }>;
}

export const COMMANDS: readonly Command[] = [
  { name: 'chat', summary: 'a chat server with rooms and a web page', serves: true, load: () => import('./chat.ts') },
  {
    name: 'connect',
    summary: 'talks to a WebSocket server from a terminal or a pipe',
    load: () => import('./connect.ts'),
  },
  { name: 'listen', summary: 'prints the events of an event stream', load: () => import('./listen.ts') },
  {
    name: 'echo',
    summary: 'an echo server for conformance and load runs',
    serves: true,
    load: () => import('./echo.ts'),
  },
  {
    name: 'bench',
    summary: 'load for a WebSocket server that echoes or broadcasts, or an event stream',
    load: () => import('./bench.ts'),
  },
  {
    name: 'conformance',
    summary: 'examines a WebSocket server or client, or an event stream, case by case',
    load: () => import('./conformance.ts'),
  },
];
