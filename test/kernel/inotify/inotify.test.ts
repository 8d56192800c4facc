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
