/**
 * getopt_long(3) over the table: abbreviations, permutation, `--`, clusters of letters, arguments that are optional.
 * Splits only; what the arguments mean is settings.ts's business. Pure.
 */
import { usage } from '../support/errors.js';
import type { OptionSpec } from './spec.js';
import { OPTIONS, optionWithLetter } from './table.js';

/** One occurrence of an option. */
export interface GivenOption {
  readonly spec: OptionSpec;
  /** The argument, if one was given. */
  readonly text: string | undefined;
  /** Given as `--no-NAME`. */
  readonly negated: boolean;
  /** As the user wrote it: '--tree', '-t'. */
  readonly spelled: string;
  readonly source: Source;
}

/** Where an option stands. */
export interface Source {
  /** For messages; '' on the command line: ' (/etc/criu/default.conf, line 3)'. */
  readonly where: string;
  /** A higher rank overrides a lower one; a file's lines share one. */
  readonly rank: number;
}

export const COMMAND_LINE: Source = { where: '', rank: Number.MAX_SAFE_INTEGER };

export interface ParsedArguments {
  readonly given: readonly GivenOption[];
  /** What is not an option, in order; `afterDashes` says how many of the last stood behind `--`. */
  readonly operands: readonly string[];
  readonly afterDashes: number;
}

interface LongName {
  readonly name: string;
  readonly spec: OptionSpec;
  readonly negated: boolean;
}

/** Splits arguments. Throws a usage error for what is no option, ambiguous, or lacks its argument. */
export function parseArguments(
  args: readonly string[],
  source: Source = COMMAND_LINE,
): ParsedArguments {
  const given: GivenOption[] = [];
  const operands: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] as string;
    if (arg === '--') {
      const rest = args.slice(at + 1);
      return { given, operands: [...operands, ...rest], afterDashes: rest.length };
    }
    if (arg.startsWith('--')) at += parseLong(arg, args[at + 1], source, given);
    else if (arg.startsWith('-') && arg !== '-')
      at += parseLetters(arg, args[at + 1], source, given);
    else operands.push(arg);
  }
  return { given, operands, afterDashes: 0 };
}

/** Adds one long option; returns how many further arguments it took. */
function parseLong(
  arg: string,
  next: string | undefined,
  source: Source,
  given: GivenOption[],
): number {
  const equals = arg.indexOf('=');
  const written = equals < 0 ? arg.slice(2) : arg.slice(2, equals);
  const attached = equals < 0 ? undefined : arg.slice(equals + 1);
  const { spec, negated, name } = findLong(written, source);
  const spelled = `--${name}`;
  if (negated || spec.argument === 'none') {
    if (attached !== undefined) throw usage(`Option '${spelled}' takes no argument${source.where}`);
    given.push({ spec, negated, spelled, source, text: undefined });
    return 0;
  }
  if (attached !== undefined || spec.argument === 'optional') {
    given.push({ spec, negated, spelled, source, text: attached });
    return 0;
  }
  given.push({ spec, negated, spelled, source, text: needed(next, spec, spelled, source) });
  return 1;
}

/** Adds a cluster of letters, `-dRv4` or `-DDIR`; returns how many further arguments it took. */
function parseLetters(
  arg: string,
  next: string | undefined,
  source: Source,
  given: GivenOption[],
): number {
  for (let at = 1; at < arg.length; at++) {
    const spelled = `-${arg[at]}`;
    const spec = optionWithLetter(arg[at] as string);
    if (!spec) throw unknown(spelled, source);
    const option = { spec, negated: false, spelled, source };
    if (spec.argument === 'none') {
      given.push({ ...option, text: undefined });
      continue;
    }
    const rest = arg.slice(at + 1);
    if (rest !== '' || spec.argument === 'optional') {
      given.push({ ...option, text: rest === '' ? undefined : rest });
      return 0;
    }
    given.push({ ...option, text: needed(next, spec, spelled, source) });
    return 1;
  }
  return 0;
}

function needed(
  next: string | undefined,
  spec: OptionSpec,
  spelled: string,
  source: Source,
): string {
  if (next !== undefined) return next;
  throw usage(`Option '${spelled}' needs an argument${source.where}`, {
    remedy: `write ${spelled} ${spec.placeholder}: ${spec.help}`,
  });
}

/** Every name that is understood, `--no-` forms included. */
function longNames(): LongName[] {
  return OPTIONS.flatMap((spec) => {
    const plain = { name: spec.name, spec, negated: false };
    return spec.negatable ? [plain, { name: `no-${spec.name}`, spec, negated: true }] : [plain];
  });
}

/** Exact names win; else a prefix that only one name has. woodfrog's own options never spoil a prefix of CRIU's. */
function findLong(written: string, source: Source): LongName {
  const names = longNames();
  const exact = names.find(({ name }) => name === written);
  if (exact) return exact;
  const starting = written === '' ? [] : names.filter(({ name }) => name.startsWith(written));
  const shared = starting.filter(({ spec }) => !spec.own);
  const candidates = shared.length > 0 ? shared : starting;
  if (candidates.length === 1) return candidates[0] as LongName;
  if (candidates.length === 0) throw unknown(`--${written}`, source);
  const list = starting
    .filter(({ spec }) => !spec.hidden)
    .map(({ name }) => `--${name}`)
    .join(', ');
  throw usage(`Option '--${written}' is ambiguous${source.where}`, {
    remedy: `write more letters of one of: ${list}`,
  });
}

function unknown(spelled: string, source: Source) {
  const name = spelled.replace(/^--?/, '');
  const near = name.length < 3 ? undefined : nearest(name);
  return usage(`Unknown option '${spelled}'${source.where}`, {
    remedy: near ? `did you mean --${near}?` : "run 'woodfrog --help' for the options",
  });
}

/** The known name with the fewest typing errors between, if there are few enough for a guess. */
function nearest(written: string): string | undefined {
  let best: string | undefined;
  let bestErrors = Math.max(2, Math.floor(written.length / 3)) + 1;
  for (const { name, spec } of longNames()) {
    if (spec.hidden) continue;
    const errors = editDistance(written, name);
    if (errors < bestErrors) [best, bestErrors] = [name, errors];
  }
  return best;
}

/** Letters to insert, delete or replace to get from one word to the other. */
export function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replace = (row[j - 1] as number) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replace, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[to.length] as number;
}
