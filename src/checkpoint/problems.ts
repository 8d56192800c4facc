/** What is wrong with a checkpoint, collected: a person who repairs or reports one wants to see all of it. */
import type { ImageSet } from '../images/directory.js';
import type { PageFacts } from './page-facts.js';

export interface Problem {
  /** 'fdinfo-2.img'. */
  readonly file: string;
  /** Which part of it: 'descriptor 3', 'mapping 0x1000-0x2000'; undefined: the image as a whole. */
  readonly entry?: string;
  /** 'refers to file 9, which files.img does not hold'. */
  readonly what: string;
}

/** 'fdinfo-2.img: descriptor 3 refers to file 9, which files.img does not hold'. */
export const problemText = ({ file, entry, what }: Problem): string =>
  entry === undefined ? `${file}: ${what}` : `${file}: ${entry} ${what}`;

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

  constructor(set: ImageSet, pages: PageFacts | undefined) {
    this.set = set;
    this.pages = pages;
  }

  /** For one image: `report(entry, what)`. */
  in(file: string): Report {
    return (entry, what) => {
      this.problems.push(entry === undefined ? { file, what } : { file, entry, what });
    };
  }
}

/** `entry` is undefined when the image as a whole is meant. */
export type Report = (entry: string | undefined, what: string) => void;

/** Values that occur more than once, each once. */
export function repeated<T>(values: Iterable<T>): T[] {
  const seen = new Set<T>();
  const again = new Set<T>();
  for (const value of values) {
    if (seen.has(value)) again.add(value);
    seen.add(value);
  }
  return [...again];
}
