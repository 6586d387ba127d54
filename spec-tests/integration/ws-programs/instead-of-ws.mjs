// Answers `barewire/ws` wherever a program or a package of it loads `ws`, by `import` or by `require`, as an override in
// package.json would. Used with `node --import`.
import Module, { register } from 'node:module';
import { fileURLToPath } from 'node:url';

const ours = new URL('../../../dist/lib/ws/index.js', import.meta.url);

const resolve = Module._resolveFilename;
Module._resolveFilename = function (name, ...rest) {
  if (name !== 'ws') return resolve.call(this, name, ...rest);
  return fileURLToPath(ours);
};
register(
  `data:text/javascript,${encodeURIComponent(
    `export const resolve = (name, context, next) => name === 'ws' ? { url: ${JSON.stringify(ours.href)}, shortCircuit: true } : next(name, context);`,
  )}`,
);

// A test that would pass on ws itself says nothing.
process.on('exit', () => {
  const theirs = Object.keys(Module._cache).find((path) => /node_modules\/ws\//.test(path));
  if (theirs === undefined) return;
  console.log(`ws itself was loaded: ${theirs}`);
  process.exitCode = 1;
});
