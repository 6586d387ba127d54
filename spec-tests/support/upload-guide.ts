/**
 * The snippets of docs/large-messages.md, as they stand but for the port: a server that stores an upload, and a client that sends a
 * file and downloads it again. Each runs in a process of its own, in a folder that is removed at the end.
 */

import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from './peers.ts';

const run = promisify(execFile);

export class UploadGuide {
  readonly #folder = mkdtempSync(join(tmpdir(), 'barewire-large-'));
  readonly #snippets: ReadonlyMap<string, string>;
  readonly #bound: number | undefined;
  #server: ChildProcess | undefined = undefined;
  #port = '';

  /** `boundBytes`: in place of the guide's bound of 1 GiB. */
  constructor(options: { readonly boundBytes?: number } = {}) {
    const guide = readFileSync(join(ROOT, 'docs/large-messages.md'), 'utf8');
    this.#snippets = new Map(
      [...guide.matchAll(/<!-- run: ([a-z]+) -->\n```js\n([\s\S]*?)```/g)].map(([, name = '', code = '']) => [
        name,
        code,
      ]),
    );
    assert.equal(this.#snippets.size, (guide.match(/^```js$/gm) ?? []).length, 'every snippet has a name');
    this.#bound = options.boundBytes;
    mkdirSync(join(this.#folder, 'node_modules'));
    symlinkSync(ROOT, join(this.#folder, 'node_modules', 'barewire'), 'dir');
  }

  /** The file that is uploaded: the caller writes it. */
  get original(): string {
    return join(this.#folder, 'original.bin');
  }

  /** What was downloaded. */
  get copy(): string {
    return join(this.#folder, 'copy.bin');
  }

  /** Starts the server. */
  async start(): Promise<void> {
    const code = this.#snippets.get('server')!.replace('port: 8080', 'port: 0');
    const bounded = this.#bound === undefined ? code : code.replace('2 ** 30', String(this.#bound));
    this.#write('server.mjs', `${bounded}\nconsole.log(server.port);\n`);
    const server = spawn(process.execPath, ['server.mjs'], { cwd: this.#folder, stdio: ['ignore', 'pipe', 'inherit'] });
    this.#server = server;
    const [port] = (await once(server.stdout!, 'data')) as [Buffer];
    this.#port = String(port).trim();
  }

  /** Runs the client, which must print what its comments say. Answers the most memory that it had, in bytes. */
  async runClient(): Promise<number> {
    const code = this.#client();
    const measured = "process.on('exit', () => console.error(process.resourceUsage().maxRSS * 1_024));";
    const file = this.#write('client.mjs', `${measured}\n${code}`);
    const { stdout, stderr } = await run(process.execPath, [file], { cwd: this.#folder });
    const expected = [...code.matchAll(/\/\/ → (.*)$/gm)].map(([, line]) => line);
    assert.deepEqual(stdout.trim().split('\n'), expected);
    return Number(stderr);
  }

  /** The most memory that the server has had, in bytes; undefined where the system does not say (Linux does). */
  serverPeakBytes(): number | undefined {
    try {
      const status = readFileSync(`/proc/${this.#server!.pid}/status`, 'utf8');
      return Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)![1]) * 1_024;
    } catch {
      return undefined;
    }
  }

  /** Runs the client with an upload that is refused. Answers the close code. */
  async closeCodeOfUpload(): Promise<number> {
    const told = "up.addEventListener('close', ({ code }) => process.exit(code - 1_000)); const stored";
    // The rejection of `writeMessage` may come before the close event; it would end the process.
    const patient = "process.on('uncaughtException', () => {});";
    const file = this.#write('refused.mjs', `${patient}\n${this.#client().replace('const stored', told)}`);
    const failed = await run(process.execPath, [file], { cwd: this.#folder }).then(
      () => ({ code: 0 }),
      (error: { readonly code: number }) => error,
    );
    return 1_000 + failed.code;
  }

  /** Ends the server and removes the folder. */
  stop(): void {
    this.#server?.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #client(): string {
    return this.#snippets.get('client')!.replaceAll('8080', this.#port);
  }

  #write(name: string, code: string): string {
    writeFileSync(join(this.#folder, name), code);
    return name;
  }
}
