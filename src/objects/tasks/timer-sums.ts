/**
 * Which threads' clocks go with a timer of CPU time: what is left of it and what the clock shows are one sum at any time,
 * or another by so many intervals. Looked at twice by a thread of which only its own clock went on; in between all
 * others ran. Pure.
 */
import { type Look, NEVER_NS } from './timer-looks.js';

/** What one thread saw, all others at rest. */
export interface Sight {
  /** What arming an idle timer came to. */
  armed: readonly (number | undefined)[];
  before: readonly Look[];
  /** What each thread's clock shows. */
  clocks: readonly bigint[];
  after: readonly Look[];
}

type Indices = readonly number[];

export class Sums {
  readonly #first: Sight;
  readonly #second: Sight;
  /** The threads by the time that passed for them between the sights, and by what their clocks show at the second. */
  readonly #byPassed: ReadonlyMap<bigint, Indices>;
  readonly #byClock: ReadonlyMap<bigint, Indices>;

  constructor(first: Sight, second: Sight) {
    this.#first = first;
    this.#second = second;
    this.#byPassed = grouped(second.clocks.map((clock, i) => clock - (first.clocks[i] ?? 0n)));
    this.#byClock = grouped(second.clocks);
  }

  /** The threads that an armed timer may measure; undefined if it ran off, or is due: then nothing can be said. */
  fit(timer: number): Indices | undefined {
    const was = this.#first.after[timer];
    const is = this.#second.before[timer];
    if (!was || !is || isDue(was) || isDue(is)) return undefined;
    const gone = was.left - is.left;
    const { interval } = is;
    const found: number[] = [];
    for (const [passed, threads] of this.#byPassed) {
      const fits = passed === gone || (interval > 0n && (passed - gone) % interval === 0n);
      if (passed > 0n && fits) found.push(...threads);
    }
    return found;
  }

  /** The same of one that is armed for NEVER_NS. */
  fitNever(timer: number): Indices {
    const is = this.#second.before[timer];
    return (is && this.#byClock.get(NEVER_NS - is.left)) ?? [];
  }
}

/** Nothing left, or 1 ns: the kernel has not seen yet that its time has come. */
const isDue = ({ left }: Look): boolean => left <= 1n;

function grouped(values: readonly bigint[]): Map<bigint, number[]> {
  const groups = new Map<bigint, number[]>();
  values.forEach((value, i) => {
    const group = groups.get(value);
    if (group) group.push(i);
    else groups.set(value, [i]);
  });
  return groups;
}
