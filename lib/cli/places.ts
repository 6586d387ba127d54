/**
 * Where a command writes what it has found: made, and looked at, before work begins that may take minutes.
 *
 * Read next: `conformance.ts`, the user.
 */

import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** Makes the folder that a file is to be in. @throws Error where the file cannot be written there */
export function placeForFile(option: string, file: string): void {
  makePlace(option, file, dirname(resolve(file)));
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory())
    throw new Error(`--${option} ${file} cannot be written: it is a folder`);
}

/** Makes a folder in which files are to be. @throws Error where none can be written there */
export function placeForFiles(option: string, folder: string): void {
  makePlace(option, folder, resolve(folder));
}

function makePlace(option: string, named: string, folder: string): void {
  try {
    makeFolder(folder);
    accessSync(folder, constants.W_OK);
  } catch (error) {
    throw new Error(
      `--${option} ${named} cannot be written: ${(error as NodeJS.ErrnoException).code ?? String(error)}`,
    );
  }
}

/** `recursive` of `mkdirSync` does so too, but before Node 26 it never ends in /proc, where ENOENT is all that the system says. */
function makeFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  const above = dirname(path);
  if (above !== path) makeFolder(above);
  mkdirSync(path);
}
