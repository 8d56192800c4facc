/**
 * What all sources together say: configuration files first, the command line last; the last word wins, lists add up.
 * Refuses by name the options of features that do not exist yet. Pure.
 */
import { unsupported, usage } from '../support/errors.js';
import type { GivenOption } from './parse.js';
import type { Command, OptionValue } from './spec.js';
import { defaultOf } from './table.js';
import {
  parseDescriptor,
  parseNumber,
  parsePid,
  parseSize,
  parseText,
  parseVerbosity,
} from './values.js';

interface Setting {
  readonly value: OptionValue;
  readonly from: GivenOption;
}

/** Options by long name, with the defaults of the table behind them. */
export class Settings {
  readonly #set = new Map<string, Setting>();
  readonly command: Command;

  constructor(command: Command) {
    this.command = command;
  }

  apply(option: GivenOption): void {
    const { spec } = option;
    if (spec.feature === 'later' && !this.#harmless(option)) {
      throw unsupported(
        `Option '${option.spelled}' belongs to ${spec.belongsTo}${option.source.where}`,
        {
          remedy: 'leave the option out, if the program does not need it',
        },
      );
    }
    this.#set.set(spec.name, { value: this.#valueOf(option), from: option });
  }

  /** Nothing is lost by accepting: switched off, without meaning for this command, or equal to what is done anyway. */
  #harmless({ spec, negated, text }: GivenOption): boolean {
    if (negated || !spec.commands.includes(this.command)) return true;
    return text !== undefined && (spec.accepts?.[this.command]?.includes(text) ?? false);
  }

  #valueOf(option: GivenOption): OptionValue {
    const { spec, negated } = option;
    switch (spec.type) {
      case 'flag':
        return !negated;
      case 'level':
        return parseVerbosity(option, this.number(spec.name));
      case 'number':
        return parseNumber(option);
      case 'pid':
        return parsePid(option);
      case 'fd':
        return parseDescriptor(option);
      case 'size':
        return parseSize(option);
      case 'list':
        return [...this.list(spec.name), spec.argument === 'optional' ? '' : parseText(option)];
      default:
        return spec.argument === 'optional' ? (option.text ?? '') : parseText(option);
    }
  }

  #get(name: string): OptionValue | undefined {
    return this.#set.get(name)?.value ?? defaultOf(name);
  }

  flag(name: string): boolean {
    return this.#get(name) === true;
  }

  number(name: string): number {
    return this.#get(name) as number;
  }

  optionalNumber(name: string): number | undefined {
    return this.#get(name) as number | undefined;
  }

  text(name: string): string | undefined {
    return this.#get(name) as string | undefined;
  }

  list(name: string): readonly string[] {
    return (this.#get(name) as readonly string[] | undefined) ?? [];
  }

  /** The option as given, or a usage error that names what is missing. */
  required(name: string, spelled: string, remedy: string): void {
    if (this.#get(name) === undefined) {
      throw usage(`Option '${spelled}' is missing`, { doing: this.command, remedy });
    }
  }

  /** Two that exclude each other: an error when one source gave both, else the later source wins. */
  exclusive(first: string, second: string): void {
    const [one, other] = [this.#set.get(first), this.#set.get(second)];
    if (!one?.value || !other?.value) return;
    if (one.from.source.rank === other.from.source.rank) {
      throw usage(
        `Options '--${first}' and '--${second}' exclude each other${one.from.source.where}`,
        {
          remedy: 'choose one of them',
        },
      );
    }
    this.#set.delete(one.from.source.rank < other.from.source.rank ? first : second);
  }

  /** Options that were given but have no meaning for this command, as written. */
  withoutEffect(): string[] {
    return [...this.#set.values()]
      .filter(({ value, from }) => value !== false && !from.spec.commands.includes(this.command))
      .map(({ from }) => `${from.spelled}${from.source.where}`);
  }
}
