/** The commands of `barewire`, loaded when they are called. */

export interface Command {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<{ run(args: string[]): Promise<number> }>;
}

export const COMMANDS: readonly Command[] = [
  { name: 'chat', summary: 'a chat server with rooms and a web page', load: () => import('./chat.ts') },
  { name: 'echo', summary: 'an echo server for conformance and load runs', load: () => import('./echo.ts') },
  { name: 'bench', summary: 'load for a WebSocket server or an event stream', load: () => import('./bench.ts') },
  {
    name: 'conformance',
    summary: 'examines a WebSocket server or client, or an event stream, case by case',
    load: () => import('./conformance.ts'),
  },
];
