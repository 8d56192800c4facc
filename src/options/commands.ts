/** The commands, as criu(8) names them. */
import type { Command } from './spec.js';

export interface CommandSpec {
  readonly name: Command;
  readonly feature: 'now' | 'later';
  readonly help: string;
}

export const COMMANDS: readonly CommandSpec[] = [
  { name: 'dump', feature: 'now', help: 'save a tree of processes, and end it' },
  { name: 'restore', feature: 'now', help: 'bring a saved tree back' },
  { name: 'check', feature: 'now', help: 'check whether this kernel has what is needed' },
  { name: 'pre-dump', feature: 'later', help: 'save the memory of running tasks' },
  { name: 'page-server', feature: 'later', help: 'receive pages from another host' },
  { name: 'lazy-pages', feature: 'later', help: 'serve pages to restored tasks on demand' },
  { name: 'service', feature: 'later', help: 'serve requests on a unix socket' },
  { name: 'swrk', feature: 'later', help: 'serve one client on an inherited socket' },
  { name: 'dedup', feature: 'later', help: 'drop superseded pages from parent images' },
  { name: 'cpuinfo', feature: 'later', help: 'save or compare what the CPU can do' },
  { name: 'exec', feature: 'later', help: 'run a system call in a task (deprecated)' },
  { name: 'show', feature: 'later', help: 'show an image (deprecated: see crit)' },
];

export const commandNamed = (name: string): CommandSpec | undefined =>
  COMMANDS.find((command) => command.name === name);
