/** `woodfrog coredump`: core files of saved tasks, one each, which debuggers open. Looks at images only. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { coreTasks, writeCore } from '../coredump/coredump.js';
import { createSparse } from '../folder/sparse.js';
import { FolderStore } from '../folder/store.js';
import { readImageSet } from '../images/directory.js';
import { parentChain } from '../images/parents.js';
import type { CoredumpOptions } from '../options/image-types.js';
import { usage, within } from '../support/errors.js';
import type { CoredumpReport } from './image-types.js';

export function coredump({ imagesDir, out, pid }: CoredumpOptions): CoredumpReport {
  return within({ doing: 'write core files' }, () => {
    const store = new FolderStore(imagesDir);
    const set = readImageSet(store);
    const chain = parentChain(store);
    const isFolder = statSync(out, { throwIfNoEntry: false })?.isDirectory() ?? false;
    if (!isFolder && pid === undefined) {
      throw usage(`'${out}' is no folder`, {
        remedy: 'create it, or name one task by -p and the file by -o',
      });
    }
    const files = coreTasks(set, pid).map((task) => {
      const path = isFolder ? join(out, `core.${task.pid}`) : out;
      const output = createSparse(path);
      try {
        const bytes = writeCore(chain, set, { task, output });
        output.finish();
        return { pid: task.pid, path, bytes };
      } finally {
        output.close();
      }
    });
    return { files };
  });
}
