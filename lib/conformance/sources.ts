/**
 * The five bodies of data that groups 12 and 13 are made of, generated and not shipped.
 *
 * Autobahn sends files of its own; what matters of them is their size, their type and how well they compress, and these
 * have the same sizes and close to the same ratios (`spec-tests/conformance/sources.test.ts` compares them with the
 * table below). Same octets in every run. Text sizes count characters, as the suite's do.
 *
 *     source   octets      16 kept|fresh   256        4096       131072     compressed/plain per message
 *     json       194,056   .29 | .99       .07 | .52  .05 | .08  .04 | .04
 *     bitmap     263,222   1.10 | 1.17     .97 | 1.01 .86 | .89  .85 | .85
 *     prose      222,218   .73 | 1.12      .48 | .73  .40 | .48  .39 | .39
 *     html       263,647   .42 | 1.05      .08 | .62  .06 | .11  .06 | .06
 *     pdf      1,042,328   1.08 | 1.18     .97 | 1.00 .78 | .86  .77 | .78
 *
 * Read next: `cases/compression.ts`.
 */

export type SourceName = 'json' | 'bitmap' | 'prose' | 'html' | 'pdf';

export interface Source {
  readonly name: SourceName;
  readonly kind: 'text' | 'binary';
  readonly octets: Buffer;
  /** The text, where sizes count characters. */
  readonly text?: string;
}

const made = new Map<SourceName, Source>();

/** The source of that name, made when it is first asked for and kept. */
export function sourceOf(name: SourceName): Source {
  let source = made.get(name);
  if (source === undefined) {
    source = MAKERS[name]();
    made.set(name, source);
  }
  return source;
}

/** Message `k` of `size` units: the next piece of the source, wrapping round to its start. */
export function pieceOf(source: Source, size: number, k: number): Buffer {
  const { text, octets } = source;
  const whole = text ?? octets;
  const start = (k * size) % whole.length;
  if (text !== undefined && text.length !== octets.length) {
    let piece = text.slice(start, start + size);
    while (piece.length < size) piece += text.slice(0, size - piece.length);
    return Buffer.from(piece, 'utf8');
  }
  if (start + size <= octets.length) return octets.subarray(start, start + size);
  const parts = [octets.subarray(start)];
  for (let missing = size - parts[0]!.length; missing > 0; missing -= parts.at(-1)!.length)
    parts.push(octets.subarray(0, Math.min(missing, octets.length)));
  return Buffer.concat(parts);
}

const MAKERS: Readonly<Record<SourceName, () => Source>> = {
  json: () => ofText('json', cut(testResults(), 194_056)),
  html: () => ofText('html', reportPage()),
  prose: () => ({ name: 'prose', kind: 'binary', octets: verses(222_218) }),
  bitmap: () => ({ name: 'bitmap', kind: 'binary', octets: greyPhoto() }),
  pdf: () => ({ name: 'pdf', kind: 'binary', octets: packedDocument(1_042_328) }),
};

function ofText(name: SourceName, text: string): Source {
  return { name, kind: 'text', text, octets: Buffer.from(text, 'utf8') };
}

/** mulberry32: small, and the same everywhere. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function cut(text: string, length: number): string {
  return text.slice(0, length);
}

/** Indented JSON of test results: one record much like the other. */
function testResults(): string {
  const random = randomOf(1);
  const outcomes = ['passed', 'passed', 'passed', 'passed', 'failed'];
  let text = '{\n   "suite": {\n';
  for (let i = 0; text.length < 200_000; i++) {
    const group = 1 + Math.floor(i / 40);
    text += `      "${group}.${1 + (i % 40)}": {\n         "outcome": "${outcomes[Math.floor(random() * 5)]}",\n`;
    text += `         "outcomeOfClose": "${random() < 0.9 ? 'passed' : 'informational'}",\n`;
    text += `         "milliseconds": ${Math.floor(random() * 40)},\n         "closeCode": ${random() < 0.85 ? 1000 : 1002},\n`;
    text += `         "details": "results/of_the_suite/case_${group}_${1 + (i % 40)}.json"\n      },\n`;
  }
  return text;
}

/** A page of a report: rows of a table, alike but for their numbers, with exactly 26 characters beyond ASCII. */
function reportPage(): string {
  const random = randomOf(2);
  // 25 characters of two octets and one of three: 27 octets more than characters.
  const beyond = [...Array.from({ length: 25 }, (_, i) => String.fromCharCode(0xe0 + i)), '\u2192'];
  let text = '<!DOCTYPE html>\n<html>\n<head><title>Report</title></head>\n<body>\n<table>\n';
  for (let i = 0; text.length < 263_620; i++) {
    if (i % 25 === 12 && beyond.length > 0) text += `<caption>Part ${beyond.pop()}</caption>\n`;
    const ok = random() < 0.8;
    text += `   <tr class="row ${ok ? 'row_passed' : 'row_failed'}">\n      <td class="name"><a href="#case_${Math.floor(i / 20)}_${i % 20}">`;
    text += `Case ${Math.floor(i / 20)}.${i % 20}</a></td>\n      <td class="outcome">${ok ? 'Passed' : 'Failed'}</td>\n`;
    text += `      <td class="time">${Math.floor(random() * 900)} ms</td>\n      <td class="octets">${Math.floor(random() * 9000)}</td>\n   </tr>\n`;
  }
  return cut(text, 263_620);
}

/** Verse in an invented language with German letters: words by rank, so that frequent ones come often. */
function verses(length: number): Buffer {
  const random = randomOf(3);
  const pick = (list: readonly string[]): string => list[Math.floor(random() * list.length)]!;
  const onset = [
    'b',
    'd',
    'f',
    'g',
    'h',
    'k',
    'l',
    'm',
    'n',
    'r',
    's',
    't',
    'w',
    'z',
    'sch',
    'st',
    'br',
    'gl',
    'v',
    '',
  ];
  const core = ['a', 'e', 'i', 'o', 'u', 'e', 'ei', 'au', 'ie', 'e', 'i', 'ä', 'ö', 'ü'];
  const coda = ['n', 'r', 't', 'st', 'cht', 'l', 's', 'nd', '', 'ng', 'e', 'en', 'er'];
  const words = Array.from({ length: 6_000 }, (_, rank) => {
    const syllables = rank < 120 ? 1 : 1 + Math.floor(random() * 3);
    return Array.from({ length: syllables }, () => pick(onset) + pick(core) + pick(coda)).join('');
  });
  const parts = ['\ufeff'];
  let size = 3;
  while (size < length) {
    let line = '';
    const count = 5 + Math.floor(random() * 4);
    for (let i = 0; i < count; i++) {
      // Zipf: the word of rank r comes about 1/r as often as the first.
      const word = words[Math.floor(words.length ** random()) - 1] ?? words[0]!;
      line += (i === 0 ? word.slice(0, 1).toUpperCase() + word.slice(1) : word) + (i === count - 1 ? '' : ' ');
    }
    line += pick([',', '.', '!', ';', '', '?', ',', ',']);
    line += random() < 0.12 ? '\r\n\r\n' : '\r\n';
    parts.push(line);
    size += Buffer.byteLength(line);
  }
  return Buffer.from(parts.join('')).subarray(0, length);
}

/** An uncompressed grey bitmap of 512 x 512 with its header and palette: soft shapes under noise. */
function greyPhoto(): Buffer {
  const random = randomOf(4);
  const header = 263_222 - 512 * 512;
  const octets = Buffer.alloc(263_222);
  octets.write('BM', 0, 'latin1');
  octets.writeUInt32LE(octets.length, 2);
  octets.writeUInt32LE(header, 10);
  octets.writeUInt32LE(40, 14);
  octets.writeInt32LE(512, 18);
  octets.writeInt32LE(512, 22);
  octets.writeUInt16LE(1, 26);
  octets.writeUInt16LE(8, 28);
  for (let i = 0; i < 256; i++) octets.fill(i, 54 + i * 4, 57 + i * 4);
  for (let y = 0; y < 512; y++) {
    for (let x = 0; x < 512; x++) {
      const shape = 120 + 60 * Math.sin(x / 47) * Math.cos(y / 61) + 30 * Math.sin((x + y) / 97);
      // The sum of three is close enough to a bell.
      const noise = (random() + random() + random() - 1.5) * 58;
      octets[header + y * 512 + x] = Math.max(0, Math.min(255, Math.round(shape + noise)));
    }
  }
  return octets;
}

/** A document of mostly packed streams between plain objects. */
function packedDocument(length: number): Buffer {
  const random = randomOf(5);
  const parts: Buffer[] = [Buffer.from('%PDF-1.5\n%\xb5\xed\xae\xfb\n', 'latin1')];
  let size = parts[0]!.length;
  for (let i = 1; size < length; i++) {
    const packed = Buffer.alloc(2_600 + Math.floor(random() * 5_400));
    for (let j = 0; j < packed.length; j++) packed[j] = Math.floor(random() * 256);
    let plain = '';
    for (let j = 0; j < 26; j++)
      plain += `${i * 30 + j} 0 obj\n<< /Type /Annot /Subtype /Link /Border [0 0 0] /Rect [${Math.floor(random() * 600)} ${Math.floor(random() * 800)}] >>\nendobj\n`;
    const object = Buffer.concat([
      Buffer.from(`${i} 0 obj\n<< /Length ${packed.length} /Filter /FlateDecode >>\nstream\n`),
      packed,
      Buffer.from(`\nendstream\nendobj\n${plain}`),
    ]);
    parts.push(object);
    size += object.length;
  }
  return Buffer.concat(parts).subarray(0, length);
}
