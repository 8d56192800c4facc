/** The commands, as criu(8) names them. */
import type { Command } from './spec.js';

export interface CommandSpec {
  readonly name: Command;
  readonly feature: 'now' | 'later';
  readonly help: string;
  /** Its one operand: a folder, instead of --images-dir; or what to do. */
  readonly operand?: 'DIR' | 'dump|check';
  /** Letters that mean another option here, by letter: the option's long name. */
  readonly letters?: Readonly<Record<string, string>>;
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
  { name: 'dedup', feature: 'now', help: 'drop superseded pages from parent images' },
  {
    name: 'cpuinfo',
    feature: 'now',
    help: "'dump' saves what the CPU can do, 'check' compares",
    operand: 'dump|check',
  },
  { name: 'exec', feature: 'later', help: 'run a system call in a task (deprecated)' },
  { name: 'show', feature: 'now', help: 'show what a checkpoint holds', operand: 'DIR' },
  { name: 'verify', feature: 'now', help: 'check whether a checkpoint is sound', operand: 'DIR' },
  {
    name: 'coredump',
    feature: 'now',
    help: 'write core files of saved tasks, for debuggers',
    operand: 'DIR',
    letters: { o: 'out' },
  },
];

export const commandNamed = (name: string): CommandSpec | undefined =>
  COMMANDS.find((command) => command.name === name);
