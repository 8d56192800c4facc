/**
 * Configuration files, as criu(8) describes them: a line is an option's name without dashes, then its argument,
 * bare or in double quotes; `#` starts a comment. Files are read in order of precedence, lowest first.
 */
import { readFileSync } from 'node:fs';
import { refused, usage } from '../support/errors.js';
import { type GivenOption, parseArguments, type Source } from './parse.js';

const GLOBAL_FILE = '/etc/criu/default.conf';
const USER_FILE = '.criu/default.conf';

export interface ConfigSources {
  /** Whether the two default files are read. */
  readonly defaults: boolean;
  /** The arguments of --config. */
  readonly named: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The options of all configuration files. A default file may be absent; one that was named must be there. */
export function readConfigFiles({ defaults, named, env }: ConfigSources): GivenOption[] {
  const files: { path: string; optional: boolean }[] = [];
  if (defaults) {
    files.push({ path: GLOBAL_FILE, optional: true });
    if (env.HOME) files.push({ path: `${env.HOME}/${USER_FILE}`, optional: true });
  }
  const extra = [...(env.CRIU_CONFIG_FILE ? [env.CRIU_CONFIG_FILE] : []), ...named];
  for (const path of extra) files.push({ path, optional: false });
  return files.flatMap(({ path, optional }, rank) =>
    parseConfig(readConfigFile(path, optional), path, rank),
  );
}

function readConfigFile(path: string, optional: boolean): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const errno = (cause as NodeJS.ErrnoException).code ?? 'EIO';
    if (optional && (errno === 'ENOENT' || errno === 'ENOTDIR')) return '';
    throw refused(`Cannot read configuration file '${path}': ${errno}`, {
      errno,
      cause,
      remedy: optional
        ? 'make it readable, or pass --no-default-config'
        : 'name a file that exists and is readable',
    });
  }
}

/** The options of one file's text; `path` is for messages, `rank` for precedence among sources. */
export function parseConfig(text: string, path: string, rank: number): GivenOption[] {
  return text.split('\n').flatMap((line, index) => {
    const where = ` (${path}, line ${index + 1})`;
    const [name, argument, ...more] = splitLine(line, where);
    if (name === undefined) return [];
    if (more.length > 0) {
      throw usage(`Option '${name}' has more than one argument${where}`, {
        remedy: 'write an argument with blanks in double quotes',
      });
    }
    return parseLine(name, argument, { where, rank });
  });
}

function parseLine(name: string, argument: string | undefined, source: Source): GivenOption[] {
  if (name.startsWith('-')) {
    throw usage(`Option '${name}' has dashes${source.where}`, {
      remedy: 'write its long name without them',
    });
  }
  // Joined by '=': in a file, the argument of an option whose argument is optional follows after a blank, too.
  const spelled = argument === undefined ? `--${name}` : `--${name}=${argument}`;
  const { given } = parseArguments([spelled], source);
  for (const { spec } of given) {
    if (spec.name === 'config' || spec.name === 'no-default-config') {
      throw usage(`Option '--${spec.name}' cannot stand in a configuration file${source.where}`);
    }
  }
  return [...given];
}

/** The words of a line: bare up to a blank or `#`, or in double quotes, where `\"` is a quote and nothing else is special. */
export function splitLine(line: string, where = ''): string[] {
  const words: string[] = [];
  let at = 0;
  for (;;) {
    while (at < line.length && /\s/.test(line[at] as string)) at++;
    if (at >= line.length || line[at] === '#') return words;
    const rest = line.slice(at);
    const quoted = /^"((?:\\"|[^"])*)"/.exec(rest);
    if (rest.startsWith('"') && !quoted) {
      throw usage(`A double quote is not closed${where}`, { remedy: 'close it on the same line' });
    }
    const word = quoted ? quoted[0] : (/^[^\s#]+/.exec(rest) as RegExpExecArray)[0];
    words.push(quoted ? (quoted[1] as string).replaceAll('\\"', '"') : word);
    at += word.length;
  }
}
