/** Help, from the table. Pure. */
import { COMMANDS } from './commands.js';
import type { Command, OptionSpec } from './spec.js';
import { OPTIONS } from './table.js';

const WIDTH = 100;
const COLUMN = 30;

/** The help of the program, or of one command. */
export function helpText(command?: Command): string {
  const shown = OPTIONS.filter(({ feature, hidden }) => feature === 'now' && !hidden);
  const parts = command === undefined ? programHelp(shown) : commandHelp(command, shown);
  return `${parts.join('\n\n')}\n`;
}

function programHelp(shown: readonly OptionSpec[]): string[] {
  const now = COMMANDS.filter(({ feature }) => feature === 'now');
  return [
    [
      'Usage:',
      '  woodfrog dump -t PID -D DIR [OPTION...]',
      '  woodfrog restore -D DIR [OPTION...] [--exec-cmd -- COMMAND [ARGUMENT...]]',
      '  woodfrog check [--feature NAME] [OPTION...]',
    ].join('\n'),
    section(
      'Commands',
      now.map(({ name, help }) => [name, help]),
    ),
    section('Options of all commands', rows(shown.filter(isCommon))),
    ...now.map(({ name }) => section(`Options of ${name}`, rows(ownOf(name, shown)))),
    notes(),
    laterNote(),
  ];
}

function commandHelp(command: Command, shown: readonly OptionSpec[]): string[] {
  const spec = COMMANDS.find(({ name }) => name === command);
  if (spec?.feature !== 'now') return [`woodfrog ${command} does not exist yet.`];
  return [
    `woodfrog ${command}: ${spec.help}`,
    section('Options', rows(ownOf(command, shown))),
    section('Options of all commands', rows(shown.filter(isCommon))),
    notes(),
  ];
}

const isCommon = ({ commands }: OptionSpec): boolean => commands.length === COMMANDS.length;

const ownOf = (command: Command, shown: readonly OptionSpec[]): OptionSpec[] =>
  shown.filter((spec) => !isCommon(spec) && spec.commands.includes(command));

const rows = (specs: readonly OptionSpec[]): [string, string][] =>
  specs.map((spec) => [optionUsage(spec), spec.help + defaultNote(spec)]);

function optionUsage({ name, short, argument, placeholder, negatable }: OptionSpec): string {
  const letter = short === undefined ? '    ' : `-${short}, `;
  const tail = { none: '', required: ` ${placeholder}`, optional: `[=${placeholder}]` }[argument];
  return `${letter}--${negatable ? '[no-]' : ''}${name}${tail}`;
}

const defaultNote = ({ default: value }: OptionSpec): string =>
  value === undefined ? '' : ` [${value}]`;

const section = (title: string, entries: readonly (readonly [string, string])[]): string =>
  [`${title}:`, ...entries.map(([left, right]) => `  ${left.padEnd(COLUMN)} ${right}`)].join('\n');

function notes(): string {
  return [
    'Options are read from /etc/criu/default.conf, ~/.criu/default.conf, $CRIU_CONFIG_FILE and --config FILE,',
    'then from the command line; the last word wins. -v adds one to the verbosity, -v4 sets it.',
    'Exit status: 0 done, 1 failed, 2 wrong usage. A restore without -d first waits until the root task ends.',
  ].join('\n');
}

function laterNote(): string {
  const names = OPTIONS.filter(({ feature, hidden }) => feature === 'later' && !hidden);
  const text = `Options of CRIU for what woodfrog cannot do yet, refused by name: ${names
    .map(({ name }) => `--${name}`)
    .join(' ')}`;
  return wrap(text).join('\n');
}

function wrap(text: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
