/**
 * A client's side of a fuzzing run: asks for the number of cases, runs each, echoes, and has the reports written.
 *
 * Works with any client that has the WHATWG interface; in other languages a driver is these thirty lines again.
 * Read next: `serve.ts`.
 */

/** The part of the WHATWG WebSocket that a driver needs. */
export interface DrivenSocket {
  binaryType: string;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  send(data: string | ArrayBuffer): void;
  close(): void;
}

export interface DriveOptions {
  /** The fuzzing server: `ws://127.0.0.1:9002`. */
  readonly url: string;
  /** The name of the client in reports. */
  readonly agent: string;
  /** Opens a connection of the client under test. */
  readonly open: (url: string) => DrivenSocket;
  /** Cases at a time. Default 1, as drivers for Autobahn do. */
  readonly parallel?: number;
  readonly onCase?: (number: number, count: number) => void;
  /** Ends the server when all is done. */
  readonly shutdown?: boolean;
}

/** Runs every case that the server has. */
export async function drive(options: DriveOptions): Promise<number> {
  const { url, agent, open, parallel = 1, onCase, shutdown = false } = options;
  const name = encodeURIComponent(agent);
  const count = Number(await ask(open, `${url}/getCaseCount`));
  let next = 1;
  let done = 0;
  const lane = async (): Promise<void> => {
    while (next <= count) {
      const number = next++;
      await runOne(open, `${url}/runCase?case=${number}&agent=${name}`);
      onCase?.(++done, count);
    }
  };
  await Promise.all(Array.from({ length: parallel }, lane));
  await ask(open, `${url}/updateReports?agent=${name}${shutdown ? '&shutdownOnComplete=true' : ''}`);
  return count;
}

/** Opens a connection, takes its last message and waits for its end. */
function ask(open: DriveOptions['open'], url: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = open(url);
    let answer = '';
    socket.onmessage = (event: { data: unknown }) => {
      answer = String(event.data);
    };
    socket.onerror = () => {};
    socket.onclose = () => resolve(answer);
  });
}

/** Echoes everything until the connection ends, however it ends. */
function runOne(open: DriveOptions['open'], url: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = open(url);
    socket.binaryType = 'arraybuffer';
    socket.onmessage = (event: { data: string | ArrayBuffer }) => {
      try {
        socket.send(event.data);
      } catch {
        // Closing already: the case will say.
      }
    };
    socket.onerror = () => {};
    socket.onclose = () => resolve();
  });
}
