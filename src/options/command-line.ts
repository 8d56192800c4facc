/** A whole command line, with the configuration files behind it, as what is to be done. */
import { resolve } from 'node:path';
import { bug, unsupported, usage } from '../support/errors.js';
import { COMMANDS, type CommandSpec, commandNamed } from './commands.js';
import { readConfigFiles } from './config-file.js';
import {
  type CoredumpOptions,
  type CpuinfoOptions,
  coredumpOptionsFrom,
  cpuinfoOptionsFrom,
  type ImagesOptions,
  imagesOptionsFrom,
} from './image-types.js';
import { editDistance, type GivenOption, type ParsedArguments, parseArguments } from './parse.js';
import { Settings } from './settings.js';
import type { Command } from './spec.js';
import { optionNamed } from './table.js';
import {
  type CheckOptions,
  checkOptionsFrom,
  type DumpOptions,
  dumpOptionsFrom,
  type RestoreOptions,
  restoreOptionsFrom,
} from './types.js';
import { parseDescriptor } from './values.js';

/** What does not say what to do, but how to begin. */
interface Prelude {
  /** Inherited descriptors to close before anything else. */
  readonly close: readonly number[];
  /** Options that mean nothing to this command, as written. */
  readonly withoutEffect: readonly string[];
}

export type CommandLine =
  | { readonly kind: 'version' }
  | { readonly kind: 'help'; readonly command?: Command }
  | ({ readonly kind: 'dump'; readonly options: DumpOptions } & Prelude)
  | ({ readonly kind: 'restore'; readonly options: RestoreOptions } & Prelude)
  | ({ readonly kind: 'check'; readonly options: CheckOptions } & Prelude)
  | ({ readonly kind: 'show' | 'verify' | 'dedup'; readonly options: ImagesOptions } & Prelude)
  | ({ readonly kind: 'cpuinfo'; readonly options: CpuinfoOptions } & Prelude)
  | ({ readonly kind: 'coredump'; readonly options: CoredumpOptions } & Prelude);

/**
 * Reads arguments (without the program's name) and configuration files. Throws usage errors, and refuses by name what
 * does not exist yet.
 */
export function readCommandLine(args: readonly string[], env: NodeJS.ProcessEnv): CommandLine {
  const parsed = parseArguments(args);
  const has = (name: string) => parsed.given.some(({ spec }) => spec.name === name);
  if (has('version')) return { kind: 'version' };
  const [name] = parsed.operands;
  const found =
    name === undefined || parsed.afterDashes === parsed.operands.length
      ? undefined
      : commandNamed(name);
  if (has('help')) return { kind: 'help', ...(found && { command: found.name }) };
  const command = knownCommand(found, parsed);
  const given = parsed.given.map((option) => ownLetter(option, found));
  const rest = operandsAfter(command, parsed);
  const settings = new Settings(command);
  const files = readConfigFiles({
    defaults: !has('no-default-config'),
    named: textsOf(parsed, 'config'),
    env,
  });
  for (const option of [...files, ...given]) settings.apply(option);
  return { ...requestOf(command, settings, rest), ...prelude(settings, parsed, files) };
}

/** The option that a letter means to this command: `coredump -o OUT`, not a log file. */
function ownLetter(option: GivenOption, command: CommandSpec | undefined): GivenOption {
  const { spelled } = option;
  const name = spelled.startsWith('--') ? undefined : command?.letters?.[spelled.slice(1)];
  return name === undefined ? option : { ...option, spec: optionNamed(name) };
}

/** Where the arguments want the log, for a run that ends before they could be read in full. Never throws. */
export function logFileOf(args: readonly string[]): string | undefined {
  try {
    const parsed = parseArguments(args);
    const command = commandNamed(parsed.operands[0] ?? '');
    const given = parsed.given.map((option) => ownLetter(option, command));
    const last = (name: string) => textsOf({ ...parsed, given }, name).at(-1);
    const file = last('log-file');
    if (file === undefined || file === '' || file === '-') return undefined;
    return resolve(last('work-dir') ?? last('images-dir') ?? '.', file);
  } catch {
    return undefined;
  }
}

function requestOf(command: Command, settings: Settings, operands: readonly string[]) {
  switch (command) {
    case 'dump':
      return { kind: 'dump', options: dumpOptionsFrom(settings) } as const;
    case 'restore':
      return { kind: 'restore', options: restoreOptionsFrom(settings, operands) } as const;
    case 'check':
      return { kind: 'check', options: checkOptionsFrom(settings) } as const;
    case 'show':
    case 'verify':
    case 'dedup':
      return { kind: command, options: imagesOptionsFrom(settings, operands) } as const;
    case 'cpuinfo':
      return { kind: command, options: cpuinfoOptionsFrom(settings, operands) } as const;
    case 'coredump':
      return { kind: command, options: coredumpOptionsFrom(settings, operands) } as const;
    default:
      throw bug(`Command '${command}' exists in the table but is never run`);
  }
}

function prelude(
  settings: Settings,
  parsed: ParsedArguments,
  files: readonly GivenOption[],
): Prelude {
  const closing = [...files, ...parsed.given].filter(({ spec }) => spec.name === 'close');
  return { close: closing.map(parseDescriptor), withoutEffect: settings.withoutEffect() };
}

const existing = (): string[] =>
  COMMANDS.filter(({ feature }) => feature === 'now').map(({ name }) => name);

function knownCommand(found: CommandSpec | undefined, { operands }: ParsedArguments): Command {
  if (found?.feature === 'now') return found.name;
  if (found) {
    throw unsupported(`Command '${found.name}' does not exist in woodfrog yet`, {
      remedy: `what exists: ${existing().join(', ')}`,
    });
  }
  const [name] = operands;
  if (name === undefined) {
    throw usage('No command is given', {
      remedy:
        "write 'woodfrog dump', 'woodfrog restore' or 'woodfrog check'; 'woodfrog --help' says more",
    });
  }
  const near = COMMANDS.find((command) => editDistance(command.name, name) <= 2);
  throw usage(`Unknown command '${name}'`, {
    remedy: near ? `did you mean '${near.name}'?` : "run 'woodfrog --help' for the commands",
  });
}

/** What follows the command: `restore --exec-cmd` takes some, behind `--`; others a folder. */
function operandsAfter(command: Command, { given, operands, afterDashes }: ParsedArguments) {
  const rest = operands.slice(1);
  const takesCommand = command === 'restore' && given.some(({ spec }) => spec.name === 'exec-cmd');
  const takesOne = commandNamed(command)?.operand !== undefined;
  const allowed = takesCommand ? afterDashes : takesOne ? 1 : 0;
  const surplus = rest.length > allowed ? rest[takesOne ? 1 : 0] : undefined;
  if (surplus === undefined) return rest;
  const optional = given.find(
    ({ spec, text }) => spec.argument === 'optional' && text === undefined,
  );
  throw usage(`Unexpected argument '${surplus}'`, {
    doing: command,
    remedy: optional
      ? `if it belongs to '${optional.spelled}', write '--${optional.spec.name}=${surplus}'`
      : takesCommand
        ? "write the command to run behind '--'"
        : 'leave it out',
  });
}

const textsOf = ({ given }: ParsedArguments, name: string): string[] =>
  given.filter(({ spec }) => spec.name === name).map(({ text }) => text ?? '');
