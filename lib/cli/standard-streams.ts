/**
 * Standard output and standard error, whose readers may leave at any time (`barewire … | head -1`).
 *
 * A command whose output nobody reads any more has nothing to do: it ends quietly, with exit code 0. A server goes on,
 * without its words. Any other error of an output (a full disk) is told once on standard error.
 * Read next: `main.ts`.
 */

/** What to do when nobody reads standard output. */
export type WithoutReader = 'end' | 'go on';

/** Listens for errors of both outputs, once, before anything is written. */
export function watchOutputs(withoutReader: WithoutReader): void {
  let told = false;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    const left = error.code === 'EPIPE' || error.code === 'EBADF' || error.code === 'ERR_STREAM_DESTROYED';
    if (!left && !told) {
      told = true;
      process.stderr.write(`barewire: standard output: ${error.message}\n`);
    }
    if (withoutReader === 'end') process.exit(left ? 0 : 1);
  });
  process.stderr.on('error', () => undefined); // nowhere is left to say it
}

/** Writes to standard output; resolves when it takes more: at once, unless its reader is slow. */
export function print(text: string): Promise<void> | undefined {
  if (process.stdout.write(text)) return undefined;
  return new Promise((resolve) => process.stdout.once('drain', resolve));
}

/**
 * Text of a peer as a terminal may show it: control and format characters, which could move the cursor, hide text or rename the window,
 * become visible signs. Lines and tabs stay. What is no terminal gets the text as it is.
 */
export function shownOn(stream: NodeJS.WriteStream, text: string): string {
  if (!stream.isTTY) return text;
  return text
    .replaceAll('\r\n', '\n')
    .replace(/[^\P{Cc}\n\t]/gu, (sign) => controlPicture(sign.charCodeAt(0)))
    .replace(/[\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (sign) => escaped(sign.charCodeAt(0)));
}

/** Text of a peer within a line of our own words: it begins no new line, and has no control characters, wherever it is printed. */
export function withinLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (sign) => escaped(sign.codePointAt(0)!));
}

/**
 * A value as a line of JSON. Of what `shownOn` makes visible JSON escapes the ASCII half only; the rest is escaped here, which
 * every reader of JSON undoes.
 */
export function jsonLine(value: object): string {
  const signs = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
  return `${JSON.stringify(value).replace(signs, (sign) => escaped(sign.charCodeAt(0)))}\n`;
}

/** Unicode has a picture for each control character of ASCII: ␛ for ESC. */
function controlPicture(code: number): string {
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? '\u2421' : escaped(code);
}

function escaped(code: number): string {
  return `\\u${code.toString(16).padStart(4, '0')}`;
}

/** Colours, where a terminal shows them (https://no-color.org/). */
export function colours(stream: NodeJS.WriteStream): {
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
} {
  const plain = (text: string): string => text;
  if (!stream.isTTY || (process.env['NO_COLOR'] ?? '') !== '' || process.env['TERM'] === 'dumb')
    return { dim: plain, red: plain };
  return { dim: (text) => `\x1b[2m${text}\x1b[22m`, red: (text) => `\x1b[31m${text}\x1b[39m` };
}
