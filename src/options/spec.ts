/**
 * What an option is. The table (table.ts, table-later.ts) is made of these rows and feeds flags, configuration files,
 * RPC and help; nothing else in the project spells an option. Names, letters and rules: criu(8).
 */
import { COMMANDS } from './commands.js';

export type Command =
  | 'dump'
  | 'restore'
  | 'check'
  | 'pre-dump'
  | 'page-server'
  | 'lazy-pages'
  | 'service'
  | 'swrk'
  | 'dedup'
  | 'cpuinfo'
  | 'exec'
  | 'show'
  | 'verify'
  | 'coredump';

/** What an option's text turns into. 'level' is verbosity: a number sets it, `-v` and `-vv` add to it. */
export type OptionType =
  | 'flag'
  | 'level'
  | 'number'
  | 'pid'
  | 'fd'
  | 'size'
  | 'string'
  | 'path'
  | 'list';

export type OptionValue = boolean | number | string | readonly string[];

export interface OptionSpec {
  /** The long name without dashes: also the key in a configuration file. */
  readonly name: string;
  readonly short?: string;
  readonly type: OptionType;
  readonly argument: 'none' | 'required' | 'optional';
  /** The argument's name in help: 'PID'. */
  readonly placeholder?: string;
  readonly default?: OptionValue;
  /** Where it has a meaning. Elsewhere it is accepted without effect: configuration files serve all commands. */
  readonly commands: readonly Command[];
  /** The field of criu_opts (rpc.proto) that carries it. */
  readonly rpc?: string;
  /** Whether `--no-NAME` exists. */
  readonly negatable: boolean;
  readonly feature: 'now' | 'later';
  /** For 'later': the feature, and that it is not there, as a clause: 'TCP connections, which ... yet'. */
  readonly belongsTo?: string;
  /** For 'later': values that ask for nothing but what is done anyway, by command. */
  readonly accepts?: Readonly<Partial<Record<Command, readonly string[]>>>;
  /** Not an option of CRIU's: never makes an abbreviation of one of CRIU's ambiguous. */
  readonly own: boolean;
  /** Deprecated: parsed, but not shown in help. */
  readonly hidden: boolean;
  readonly help: string;
}

type Extra = Partial<Omit<OptionSpec, 'name' | 'type' | 'commands' | 'help'>>;

const commandsOf = (names: string): readonly Command[] =>
  names === 'all' ? COMMANDS.map(({ name }) => name) : (names.split(' ') as Command[]);

/** A switch that `--no-NAME` turns off again. `commands` is 'all' or names with spaces between them. */
export function toggle(name: string, commands: string, help: string, extra: Extra = {}) {
  return flag(name, commands, help, { negatable: true, ...extra });
}

/** A switch that cannot be negated. */
export function flag(name: string, commands: string, help: string, extra: Extra = {}): OptionSpec {
  return row(name, 'flag', commands, help, { argument: 'none', ...extra });
}

/** An option with an argument: `kind` is 'type PLACEHOLDER', with the placeholder in brackets when it may be left out. */
export function value(
  name: string,
  kind: string,
  commands: string,
  help: string,
  extra: Extra = {},
): OptionSpec {
  const [type, placeholder = ''] = kind.split(' ');
  const optional = /^\[.*\]$/.test(placeholder);
  return row(name, type as OptionType, commands, help, {
    argument: optional ? 'optional' : 'required',
    placeholder: optional ? placeholder.slice(1, -1) : placeholder,
    ...extra,
  });
}

/** Options of a feature that does not exist yet. */
export function later(belongsTo: string, rows: readonly OptionSpec[]): OptionSpec[] {
  return rows.map((spec) => ({ ...spec, feature: 'later', belongsTo }));
}

function row(
  name: string,
  type: OptionType,
  commands: string,
  help: string,
  extra: Extra,
): OptionSpec {
  return {
    name,
    type,
    commands: commandsOf(commands),
    help,
    argument: 'none',
    negatable: false,
    feature: 'now',
    own: false,
    hidden: false,
    ...extra,
  };
}
