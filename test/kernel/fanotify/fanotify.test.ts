import { kernelTest } from '../../support/kernel.js';

kernelTest({
  name: 'fanotify keeps marks of files and directories, and what they ignore',
  program: 'fanotify/fanotify.c',
  rounds: 2,
});

kernelTest({
  name: 'fanotify keeps marks of mounts and file systems',
  program: 'fanotify/fanotify.c',
  args: ['wide'],
  rounds: 2,
  criuFails: 'it knows no marks of file systems',
});
