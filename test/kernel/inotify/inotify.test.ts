import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { kernelTest } from '../../support/kernel.js';

kernelTest({
  name: 'inotify keeps watches by their numbers, and tells what happens afterwards',
  program: 'inotify/inotify.c',
  rounds: 2,
  criuFails: 'it forgets IN_ONESHOT',
});

kernelTest({
  name: 'inotify watches a symbolic link itself',
  program: 'inotify/inotify.c',
  args: ['link'],
  rounds: 2,
  criuFails: 'it finds no path for a symbolic link',
});

kernelTest({
  name: 'inotify tells that events are lost that nobody has read',
  program: 'inotify/unread.c',
  rounds: 2,
  afterRestore: ({ program }) => writeFileSync(join(program.dir, 'restored'), ''),
  criuFails: 'it drops them without a word',
});

kernelTest({
  name: 'inotify and fanotify watch open files that are deleted, and files by another name',
  program: 'inotify/deleted.c',
  rounds: 2,
  // Deleted files come back as other inodes.
  ignore: [/fdinfo\/[3-9]$/],
  criuFails: 'it finds no path for a deleted file',
});
