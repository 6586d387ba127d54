// Of the declarations that the compiler wrote, what an entry of the package leads to: a statement stays where a public type needs it, with
// its comment; the headers of files, which are about their code, go. Reads what this project's compiler writes, not all of TypeScript.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const TOKEN = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`|[{}()[\];]/g;
const COMMENT = /\/\*[\s\S]*?\*\/|\/\/[^\n]*/g;
const DECLARED =
  /^(?:export )?(?:default )?(?:declare )?(?:abstract )?(class|interface|enum|namespace|type|function|const|let|var) ([\w$]+)/;
/** A member that is for other files of ours: in a class, where the compiler indents by four. */
const INTERNAL = /\n {4}\/\*\*(?:(?!\*\/)[\s\S])*@internal(?:(?!\*\/)[\s\S])*\*\/\n {4}[^\n]*;(?=\n)/g;
const FROM = /^(import|export) (type )?([\s\S]*?) from '([^']+)';$/;

/** The text of each declaration file that stays, by its path: of `entries` all that they export, and what that leads to. */
export function declarationsFrom(entries) {
  const files = new Map();
  const fileAt = (path) => files.get(path) ?? files.set(path, parse(path)).get(path);
  const waiting = entries.map((path) => ({ path, name: '*' }));
  for (const need of waiting) take(fileAt(need.path), need, (path, name) => waiting.push({ path, name }));
  return new Map([...files].map(([path, file]) => [path, textOf(file)]));
}

/** Marks the statements of `file` that declare or pass on `name` (`*`: every name that it exports), and asks for what they name. */
function take(file, { name }, ask) {
  if (file.asked.has(name)) return;
  file.asked.add(name);
  for (const statement of file.statements) {
    const { link } = statement;
    const isMeant = name === '*' ? statement.isExported : statement.names.has(name) || link?.isStar === true;
    if (!isMeant) continue;
    if (link === undefined) keep(file, statement, ask);
    else if (name === '*')
      for (const each of link.isStar ? ['*'] : link.pairs.keys()) follow(file, statement, each, ask);
    else follow(file, statement, name, ask);
  }
}

/** A name that another file declares, or this one under another name. */
function follow(file, { link }, name, ask) {
  link.kept.add(name);
  if (link.path === undefined) return take(file, { name: link.pairs.get(name) }, ask);
  if (link.path.endsWith('.d.ts')) ask(link.path, link.isStar ? name : link.pairs.get(name));
}

function keep(file, statement, ask) {
  if (statement.isKept) return;
  statement.isKept = true;
  const code = statement.code.replace(COMMENT, '');
  for (const [, specifier, name] of code.matchAll(/import\('(\.[^']+)'\)\.([\w$]+)/g))
    ask(declarationOf(file.path, specifier), name);
  for (const name of new Set(code.match(/[\w$]+/g))) take(file, { name }, ask);
}

function parse(path) {
  const statements = statementsOf(readFileSync(path, 'utf8')).map((statement) => described(statement, path));
  return { path, statements, asked: new Set() };
}

/** Each statement with the comment that stands right before it. */
function statementsOf(text) {
  const found = [];
  let [start, depth, comment] = [0, 0, ''];
  const isBegun = (end) => text.slice(start, end).trim() !== '';
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    const end = index + token.length;
    if (/^\/[*/]/.test(token) && !isBegun(index)) [comment, start] = [token, end];
    else if (/^[{([]$/.test(token)) depth++;
    else if (/^[})\]]$/.test(token)) depth--;
    if (depth > 0 || !/^[;}]$/.test(token)) continue;
    const code = text.slice(start, end).trim();
    if (token === '}' && /[^\n]/.test(text.charAt(end))) continue;
    if (
      token === '}' &&
      !/^(?:export )?(?:default )?(?:declare )?(?:abstract )?(?:class|interface|enum|namespace)\b/.test(code)
    )
      continue;
    found.push({ comment, code });
    [start, comment] = [end, ''];
  }
  if (isBegun(text.length) && !text.slice(start).trim().startsWith('//#'))
    throw new Error(`no end of ${text.slice(start)}`);
  return found;
}

function described({ comment, code }, path) {
  const link = linkOf(code, path);
  const names = new Set(link?.pairs.keys() ?? [DECLARED.exec(code)?.[2]]);
  if (names.has(undefined) && code !== 'export {};') throw new Error(`${path}: what declares this? ${code}`);
  return {
    comment,
    code: code.replace(INTERNAL, ''),
    link,
    names,
    isExported: code.startsWith('export'),
    isKept: false,
  };
}

/** What an `import` or `export` list names: a name here, and what the other file calls it. */
function linkOf(code, path) {
  const list = FROM.exec(code) ?? /^(export) (type )?(\{[^}]*[\w$][^}]*\});$/.exec(code);
  if (list === null) return undefined;
  const [, keyword, type = '', names, specifier] = list;
  const link = {
    keyword,
    type,
    specifier,
    pairs: new Map(),
    types: new Set(),
    kept: new Set(),
    isStar: keyword === 'export' && names === '*',
  };
  link.path =
    specifier === undefined ? undefined : specifier.startsWith('.') ? declarationOf(path, specifier) : specifier;
  const whole = /^(?:\* as )?([\w$]+)$/.exec(names)?.[1];
  if (whole !== undefined)
    return { ...link, isWhole: true, pairs: new Map([[whole, names === whole ? 'default' : '*']]) };
  if (!names.startsWith('{') && !link.isStar) throw new Error(`${path}: ${code}`);
  for (const [, isType, outer, inner = outer] of names.matchAll(/(type )?([\w$]+)(?: as ([\w$]+|'[^']+'))?/g)) {
    link.pairs.set(inner, outer);
    if (isType) link.types.add(inner);
  }
  return link;
}

function declarationOf(path, specifier) {
  return join(dirname(path), specifier.replace(/(?<!\.d)\.ts$/, '.d.ts'));
}

function textOf({ statements }) {
  const lines = statements.map(({ comment, code, link, isKept }) => {
    if (link === undefined)
      return isKept || code === 'export {};' ? `${comment === '' ? '' : `${comment}\n`}${code}\n` : '';
    if (link.kept.size === 0) return '';
    if (link.isStar || link.isWhole) return `${code}\n`;
    const names = [...link.kept].map((name) => {
      const outer = link.pairs.get(name);
      return `${link.types.has(name) ? 'type ' : ''}${outer === name ? name : `${outer} as ${name}`}`;
    });
    const from = link.specifier === undefined ? '' : ` from '${link.specifier}'`;
    return `${link.keyword} ${link.type}{ ${names.join(', ')} }${from};\n`;
  });
  return lines.join('');
}
