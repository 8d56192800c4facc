/**
 * crit's command line, as crit(1) has it: a subcommand, then options (long ones may be abbreviated, or carry their value
 * behind '=') and operands in any order. Pure.
 */
import { usage } from '../support/errors.js';

export type Subject = 'ps' | 'fds' | 'mems' | 'rss';

export type CritLine =
  | { readonly kind: 'help'; readonly command?: CommandName }
  | { readonly kind: 'version' }
  | ({ readonly kind: 'decode'; readonly pretty: boolean; readonly nopl: boolean } & Files)
  | ({ readonly kind: 'encode' } & Files)
  | ({ readonly kind: 'recode' } & Files)
  | { readonly kind: 'show'; readonly input: string; readonly nopl: boolean }
  | { readonly kind: 'info'; readonly input: string }
  | { readonly kind: 'x'; readonly folder: string; readonly subject: Subject };

/** Where from and where to; undefined: standard input and output. */
interface Files {
  readonly input: string | undefined;
  readonly output: string | undefined;
}

export type CommandName = 'decode' | 'encode' | 'recode' | 'show' | 'info' | 'x';

interface OptionRow {
  readonly name: string;
  readonly short?: string;
  readonly value?: string;
  readonly help: string;
}

interface CommandRow {
  readonly operands: readonly string[];
  readonly options: readonly OptionRow[];
  readonly help: string;
}

const HELP: OptionRow = { name: 'help', short: 'h', help: 'print this help and exit' };
const VERSION: OptionRow = { name: 'version', help: 'print the version and exit' };
const IN: OptionRow = { name: 'in', short: 'i', value: 'IN', help: 'read IN [standard input]' };
const OUT: OptionRow = {
  name: 'out',
  short: 'o',
  value: 'OUT',
  help: 'write OUT [standard output]',
};
const PRETTY: OptionRow = { name: 'pretty', help: 'on many lines, with names, addresses, devices' };
const NOPL: OptionRow = { name: 'nopl', help: 'show how long payload is, not the payload' };

export const COMMANDS: Readonly<Record<CommandName, CommandRow>> = {
  decode: { operands: [], options: [IN, OUT, PRETTY, NOPL], help: 'an image as JSON' },
  encode: { operands: [], options: [IN, OUT], help: 'JSON as an image' },
  recode: {
    operands: [],
    options: [IN, OUT],
    help: 'an image through JSON and back; fails when a byte differs',
  },
  show: { operands: ['in'], options: [NOPL], help: 'an image as JSON for people' },
  info: { operands: ['in'], options: [], help: 'what an image is, and how many entries it has' },
  x: { operands: ['dir', 'ps|fds|mems|rss'], options: [], help: 'explore a checkpoint' },
};

const SUBJECTS: readonly string[] = ['ps', 'fds', 'mems', 'rss'] satisfies Subject[];

/** Reads the arguments (without the program's name). Throws usage errors. */
export function readArguments(args: readonly string[]): CritLine {
  const [first, ...rest] = args;
  if (first === undefined) return fail('No command is given');
  if (first.startsWith('-'))
    return optionNamed(first, [HELP, VERSION]).name === 'help'
      ? { kind: 'help' }
      : { kind: 'version' };
  if (!Object.hasOwn(COMMANDS, first)) return fail(`Unknown command '${first}'`);
  return commandLine(first as CommandName, rest);
}

function fail(what: string, command?: CommandName): never {
  const help = command ? `crit ${command} --help` : 'crit --help';
  throw usage(what, { remedy: `run '${help}' for how it is used` });
}

function commandLine(command: CommandName, args: readonly string[]): CritLine {
  const { given, operands } = parse(command, args);
  if (given.has('help')) return { kind: 'help', command };
  const wanted = COMMANDS[command].operands;
  if (operands.length < wanted.length)
    fail(`Argument '${wanted[operands.length]}' is missing`, command);
  const surplus = operands[wanted.length];
  if (surplus !== undefined) fail(`Unexpected argument '${surplus}'`, command);
  const [input = '', subject = ''] = operands;
  const files = { input: fileOf(given.get('in')), output: fileOf(given.get('out')) };
  const nopl = given.has('nopl');
  switch (command) {
    case 'decode':
      return { kind: command, ...files, pretty: given.has('pretty'), nopl };
    case 'show':
      return { kind: command, input, nopl };
    case 'info':
      return { kind: command, input };
    case 'x':
      if (!SUBJECTS.includes(subject)) {
        fail(`'${subject}' cannot be explored: name one of ${SUBJECTS.join(', ')}`, command);
      }
      return { kind: command, folder: input, subject: subject as Subject };
    default:
      return { kind: command, ...files };
  }
}

/** '-' is standard input or output. */
const fileOf = (name: string | undefined): string | undefined => (name === '-' ? undefined : name);

interface Parsed {
  readonly given: ReadonlyMap<string, string>;
  readonly operands: readonly string[];
}

function parse(command: CommandName, args: readonly string[]): Parsed {
  const rows = [HELP, ...COMMANDS[command].options];
  const given = new Map<string, string>();
  const operands: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] as string;
    if (arg === '--') {
      operands.push(...args.slice(at + 1));
      break;
    }
    if (!arg.startsWith('-') || arg === '-') {
      operands.push(arg);
      continue;
    }
    const row = optionNamed(arg, rows, command);
    const attached = attachedValue(arg);
    if (row.value === undefined) {
      if (attached !== undefined) fail(`Option '--${row.name}' takes no value`, command);
      given.set(row.name, '');
      continue;
    }
    const value = attached ?? args[++at];
    if (value === undefined) fail(`Option '${arg}' needs a value`, command);
    given.set(row.name, value);
  }
  return { given, operands };
}

/** '--in=FILE' and '-iFILE'. */
function attachedValue(arg: string): string | undefined {
  if (!arg.startsWith('--')) return arg.length > 2 ? arg.slice(2) : undefined;
  const at = arg.indexOf('=');
  return at < 0 ? undefined : arg.slice(at + 1);
}

function optionNamed(arg: string, rows: readonly OptionRow[], command?: CommandName): OptionRow {
  const name = arg.replace(/^--?/, '').replace(/=.*$/s, '');
  const found = arg.startsWith('--')
    ? rows.filter((row) => row.name.startsWith(name) && name !== '')
    : rows.filter((row) => row.short === arg[1]);
  const exact =
    found.find((row) => row.name === name) ?? (found.length === 1 ? found[0] : undefined);
  return exact ?? fail(`Unknown option '${arg}'`, command);
}

/** The help of crit, or of one of its commands. */
export function helpText(command?: CommandName): string {
  const row = ([left, right]: readonly [string, string]) => `  ${left.padEnd(24)} ${right}`;
  const options = (rows: readonly OptionRow[]) =>
    rows.map(({ name, short, value, help }) =>
      row([`${short ? `-${short}, ` : '    '}--${name}${value ? ` ${value}` : ''}`, help]),
    );
  if (command) {
    const { operands, options: rows, help } = COMMANDS[command];
    const words = [
      ...rows.map(({ name, value }) => `[--${name}${value ? ` ${value}` : ''}]`),
      ...operands,
    ];
    return [
      `Usage: crit ${command} ${words.join(' ')}`.trimEnd(),
      '',
      `${help[0]?.toUpperCase()}${help.slice(1)}.`,
      '',
      'Options:',
      ...options([HELP, ...rows]),
      '',
    ].join('\n');
  }
  return [
    'Usage: crit COMMAND [OPTION...]',
    '',
    'Reads and writes the images of a checkpoint.',
    '',
    'Commands:',
    ...Object.entries(COMMANDS).map(([name, { operands, help }]) =>
      row([[name, ...operands].join(' '), help]),
    ),
    '',
    'Options:',
    ...options([HELP, VERSION]),
    '',
    "'crit COMMAND --help' lists the options of a command.",
    '',
  ].join('\n');
}
