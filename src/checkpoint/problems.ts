/** What is wrong with a checkpoint, collected: a person who repairs or reports one wants to see all of it. */
import { identifyImage } from '../images/catalogue.js';
import type { ImageSet } from '../images/directory.js';
import type { CheckpointError } from '../support/errors.js';
import type { PageFacts } from './page-facts.js';

export interface Problem {
  /** 'fdinfo-2.img'. */
  readonly file: string;
  /** Which part of it: 'descriptor 3', 'mapping 0x1000-0x2000'; undefined: the image as a whole. */
  readonly entry?: string;
  /** Where the entry begins, or the bytes that are wrong, in the file; undefined where that is not known. */
  readonly offset?: number;
  /** 'refers to file 9, which files.img does not hold'. */
  readonly what: string;
}

/** 'descriptor 3, byte 120: refers to file 9, which files.img does not hold'. */
export function problemBody({ entry, offset, what }: Problem): string {
  if (offset === undefined) return entry === undefined ? what : `${entry} ${what}`;
  return entry === undefined ? `byte ${offset}: ${what}` : `${entry}, byte ${offset}: ${what}`;
}

/** The same with the image's name before it. */
export const problemText = (problem: Problem): string => `${problem.file}: ${problemBody(problem)}`;

/** An image error as a problem: it begins with where in the file it is. */
export function problemOf(file: string, error: CheckpointError): Problem {
  const [text, entry, offset, what] =
    /^(?:(entry \d+)(?:, |: ))?(?:byte (\d+): )?(.*)$/s.exec(error.what) ?? [];
  if (text === undefined || what === undefined) return { file, what: error.what };
  return {
    file,
    ...(entry !== undefined && { entry }),
    ...(offset !== undefined && { offset: Number.parseInt(offset, 10) }),
    what,
  };
}

const LISTED_MAX = 20;

/** The first 20, one by itself or each on a line, and how many more there are. */
export function listProblems(problems: readonly Problem[]): string {
  const [first] = problems;
  if (first && problems.length === 1) return problemText(first);
  const lines = problems.slice(0, LISTED_MAX).map((problem) => `\n  ${problemText(problem)}`);
  const more = problems.length - lines.length;
  return `${problems.length} things:${lines.join('')}${more > 0 ? `\n  and ${more} more` : ''}`;
}

/** The checkpoint that is looked at, and the list that grows meanwhile. */
export class Inspection {
  readonly set: ImageSet;
  /** Undefined before the pages are written. */
  readonly pages: PageFacts | undefined;
  readonly problems: Problem[] = [];
  /** By file, and then by the entry's value; looked for only when something is wrong. */
  private readonly offsets = new Map<string, Map<unknown, number | undefined>>();

  constructor(set: ImageSet, pages: PageFacts | undefined) {
    this.set = set;
    this.pages = pages;
  }

  /** For one image: `report(where, what)`. */
  in(file: string): Report {
    return (where, what) => {
      if (where === undefined) this.problems.push({ file, what });
      else this.problems.push({ file, ...this.placeOf(file, where), what });
    };
  }

  private placeOf(file: string, where: string | Part): Pick<Problem, 'entry' | 'offset'> {
    const {
      name: entry,
      value,
      offset: known,
    } = typeof where === 'string' ? { name: where } : where;
    const offset = known ?? this.offsetOf(file, value);
    return offset === undefined ? { entry } : { entry, offset };
  }

  /** Of the image's entry that has this value, or of its only one. Undefined where it was not read from a file. */
  private offsetOf(file: string, value: object | undefined): number | undefined {
    let offsets = this.offsets.get(file);
    if (!offsets) {
      const found = identifyImage(file);
      const entries = found ? this.set.entriesOf(found.image, found.id) : [];
      offsets = new Map(entries.map((entry) => [entry.value, entry.offset]));
      this.offsets.set(file, offsets);
    }
    if (value) return offsets.get(value);
    return offsets.size === 1 ? [...offsets.values()][0] : undefined;
  }
}

/** Which part of an image. */
export interface Part {
  /** 'descriptor 3'. */
  readonly name: string;
  /** The entry that it is, or is in; needed where the image has more than one. */
  readonly value?: object;
  /** Where it begins in the file, when that is known already. */
  readonly offset?: number;
}

export type Where = string | Part;

/** `where` is undefined when the image as a whole is meant. */
export type Report = (where: Where | undefined, what: string) => void;

/** Of the values whose key occurs more than once, the second one of each. */
export function repeated<T>(values: Iterable<T>, keyOf: (value: T) => unknown): T[] {
  const seen = new Map<unknown, number>();
  const again: T[] = [];
  for (const value of values) {
    const key = keyOf(value);
    const count = (seen.get(key) ?? 0) + 1;
    seen.set(key, count);
    if (count === 2) again.push(value);
  }
  return again;
}
