/** Where the checkout, its C sources and the caches of the tests are. */
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

function findRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error(`No package.json above ${import.meta.url}`);
    folder = parent;
  }
  return folder;
}

/** The project's root. */
export const root = findRoot();
/** A file of the test sources (C programs, scripts), named from test/. */
export const testSource = (name: string): string => join(root, 'test', name);
/** Compiled test programs, named by content, so that sharing it between checkouts is safe. */
export const cacheDir = join(process.env.TMPDIR ?? tmpdir(), 'woodfrog-test-programs');
