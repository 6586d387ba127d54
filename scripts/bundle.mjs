// Turns dist/lib into what is packed: each entry of `exports` and `bin` stays where it is, with all that it imports in a few files beside it,
// and of the declarations those stay that an entry leads to (`declarations.mjs`). Who imports the package then opens some files, not 150.
// `node scripts/bundle.mjs [folder]`: the folder with package.json and dist/lib; by default this project's, whose tests need a build again then.
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, transform } from 'esbuild';
import { declarationsFrom } from './declarations.mjs';

const root = resolve(process.argv[2] ?? dirname(dirname(fileURLToPath(import.meta.url))));
const lib = join(root, 'dist/lib');
const { exports, bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const entries = [...new Set(pathsIn({ exports, bin }))];
const SHORT = { target: 'node20.19', legalComments: 'none' };
/** The imports of a file, its code, its exports. */
const PARTS = /^((?:#![^\n]*\n|import(?:\{[^}]*\}from|[^"{};]*from)?"[^"]*";|\s)*)([\s\S]*?)(export\{[^}]*\};\s*)?$/;
const PAGE_TEXT = 'PAGE$TEXT';
let pageText = '';
const [PRIVATE, META, EVAL] = ['PRIVATE$', 'IMPORT$META', 'function seen(){eval("")}'];

// All of it in memory before anything is removed: an entry is read and written.
const { outputFiles } = await build({
  entryPoints: entries.filter((path) => path.endsWith('.js')),
  outdir: lib,
  outbase: lib,
  chunkNames: 'chunks/[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  ...SHORT,
  minifyWhitespace: true,
  plugins: [
    { name: 'the chat page in short', setup: (of) => of.onLoad({ filter: /\/chat\/page-files\.js$/ }, shortPage) },
  ],
  allowOverwrite: true,
  write: false,
  logLevel: 'warning',
});
const declarations = declarationsFrom(entries.filter((path) => path.endsWith('.d.ts')));
const texts = await Promise.all(
  outputFiles.map(async ({ path, text }) => [path, await short(ownNames(constants(text)))]),
);

emptied(lib);
for (const [path, text] of [...texts, ...declarations]) {
  if (text === '') continue;
  mkdirSync(dirname(path), { recursive: true });
  if (text.includes(PRIVATE) || text.includes(META))
    throw new Error(`${path} still has names that only the bundler uses`);
  writeFileSync(
    path,
    text.replace(`"${PAGE_TEXT}"`, () => pageText),
  );
}
chmodSync(join(root, bin.barewire), 0o755);

/**
 * Short names for what is local to a function, and for private fields. Functions, classes, methods and properties keep theirs, and lines
 * stay short, so that a stack still says where something happened.
 */
async function short(code) {
  const [, head, body, tail = ''] = PARTS.exec(code);
  const methods = new Set([...body.matchAll(/#([\w$]+)\(/g)].map(([, name]) => name));
  const named = body.replace(/#([\w$]+)/g, (all, name) => (methods.has(name) ? ` ${PRIVATE}${name}` : all));
  // A name that `eval` could see is left as it is.
  const script = `${named.replaceAll('import.meta', META)}\n${EVAL}`;
  const { code: shorter } = await transform(script, {
    ...SHORT,
    format: 'esm',
    minify: true,
    lineLimit: 120,
    logOverride: { 'direct-eval': 'silent' },
  });
  return `${head}${shorter
    .replace(/function\s+seen\(\)\s*\{\s*eval\(\s*""\s*\)\s*\}/, '')
    .replaceAll(PRIVATE, '#')
    .replaceAll(META, 'import.meta')}${tail}`;
}

/**
 * What is never assigned again is a constant again: the bundler makes variables of everything outside of functions, and V8 puts the value
 * of a constant into compiled code, but loads a variable each time. Within functions this library has no `var`.
 */
function constants(code) {
  return code.replace(/\bvar ([\w$]+)=/g, (head, name) => {
    const own = name.replaceAll('$', '\\$');
    const assigned = new RegExp(
      `(?<![\\w$.])${own}(?:(?:[-+*/%&|^]|<<|>>>?|\\*\\*|\\?\\?|&&|\\|\\|)?=(?![=>])|\\+\\+|--)|(?:\\+\\+|--)${own}(?![\\w$])`,
      'g',
    );
    return code.match(assigned).length === 1 ? `const ${name}=` : head;
  });
}

/** Classes that were renamed, since they name themselves or have the name of another, say their own name again. */
function ownNames(code) {
  return code.replace(/\b([A-Z]\w*)=class(?: (\w+))?(?: extends [\w$.]+)?\{/g, (head, outer, inner = outer) => {
    const name = outer.replace(/\d+$/, '');
    return inner === name ? head : `${head}static name=${JSON.stringify(name)};`;
  });
}

/** The module with the page's files, as the build made it, with one small script in place of twenty files. */
async function shortPage({ path }) {
  const { pageFiles } = await import(pathToFileURL(path).href);
  const files = pageFiles();
  const PAGE = 'chat/page/page.js';
  const within = {
    name: 'within the page',
    setup(of) {
      of.onResolve({ filter: /.*/ }, (each) => ({
        path: join('/', dirname(each.importer), each.path),
        namespace: 'page',
      }));
      of.onLoad({ filter: /.*/, namespace: 'page' }, (each) => ({ contents: files.get(each.path.slice(1)) }));
    },
  };
  const { outputFiles } = await build({
    entryPoints: [PAGE],
    plugins: [within],
    bundle: true,
    format: 'esm',
    minify: true,
    target: 'es2022',
    write: false,
  });
  const { code: style } = await transform(files.get('chat/page/page.css'), { loader: 'css', minify: true });
  const others = [...files].filter(([name]) => !name.endsWith('.js') && !name.endsWith('.css'));
  const entries = [...others, ['chat/page/page.css', style], [PAGE, outputFiles[0].text]];
  pageText = JSON.stringify(JSON.stringify(entries));
  // The page's own text is put in at the end: it is no code of this library, and what shortens that must not change it.
  return { contents: `const files=new Map(JSON.parse("${PAGE_TEXT}"));export function pageFiles(){return files;}` };
}

/** The files that a value of the manifest names. */
function pathsIn(value) {
  if (typeof value === 'object') return Object.values(value).flatMap(pathsIn);
  return /^(\.\/)?dist\//.test(value) ? [resolve(root, value)] : [];
}

function emptied(folder) {
  rmSync(folder, { recursive: true });
  mkdirSync(folder);
}
