/** An option's text as its value. Pure; throws usage errors that quote the text. */
import { usage } from '../support/errors.js';
import type { GivenOption } from './parse.js';

const MAX_U32 = 0xffff_ffff;
/** Linux: PID_MAX_LIMIT on 64 bits (include/linux/threads.h). */
const MAX_PID = 4 * 1024 * 1024;
const MAX_VERBOSITY = 4;
const UNITS: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

const wrong = (option: GivenOption, wanted: string) =>
  usage(`Option '${option.spelled}' has the value '${option.text ?? ''}'${option.source.where}`, {
    remedy: `give it ${wanted}`,
  });

/** A whole decimal number of min..max. */
export function parseWhole(option: GivenOption, min: number, max: number): number {
  const text = option.text ?? '';
  const number = /^\d+$/.test(text) ? Number.parseInt(text, 10) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw wrong(option, `a whole number from ${min} to ${max}`);
}

export const parsePid = (option: GivenOption): number => parseWhole(option, 1, MAX_PID);
export const parseNumber = (option: GivenOption): number => parseWhole(option, 0, MAX_U32);
/** A descriptor number. Linux: sysctl_nr_open_max (fs/file.c) bounds it far below 2^31. */
export const parseDescriptor = (option: GivenOption): number => parseWhole(option, 0, 0x7fff_ffff);

/** Bytes: a number, and K, M or G for units of 1024. */
export function parseSize(option: GivenOption): number {
  const [, digits = '', unit = ''] = /^(\d+)([KMG]?)$/.exec(option.text ?? '') ?? [];
  const size = digits === '' ? Number.NaN : Number.parseInt(digits, 10) * (UNITS[unit] as number);
  if (Number.isSafeInteger(size)) return size;
  throw wrong(option, 'a size in bytes, or with K, M or G behind it');
}

/** Text that must not be empty or hold a NUL byte: a path or a name. */
export function parseText(option: GivenOption): string {
  const text = option.text ?? '';
  if (text !== '' && !text.includes('\0')) return text;
  throw wrong(option, 'a value that is not empty');
}

/**
 * The verbosity after this occurrence. `-v` adds one and `-vvv` three; a number sets it; more than 4 is 4.
 * `-verbosity=4`, which getopt reads as `-v` with the argument 'erbosity=4', means what its writer meant.
 */
export function parseVerbosity(option: GivenOption, before: number): number {
  const text = option.text ?? '';
  const add = text === '' ? 1 : /^v+$/.test(text) ? text.length + 1 : undefined;
  if (add !== undefined) return Math.min(before + add, MAX_VERBOSITY);
  const [, digits] = /^(?:erbosity=)?(\d+)$/.exec(text) ?? [];
  if (digits === undefined) throw wrong(option, `a number from 0 to ${MAX_VERBOSITY}`);
  return Math.min(Number.parseInt(digits, 10), MAX_VERBOSITY);
}
