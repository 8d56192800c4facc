/** Probes of kernel features: what one is given, and what it says. */
import { EPERM, errnoName } from '../linux/errno.js';
import type { Host } from './host.js';

/** What a probe may use. */
export interface Probing {
  readonly host: Host;
  /** A stopped child of ours that runs nothing; or why there is none. */
  readonly puppet:
    | { readonly pid: number; readonly address: number }
    | { readonly failure: string };
}

/** What is missing, and what to do about it; undefined: nothing. */
export interface Missing {
  readonly missing: string;
  readonly remedy?: string;
}

export interface Feature {
  /** 1: every dump and restore needs it. 2: some programs do. 3: woodfrog can do without. */
  readonly category: 1 | 2 | 3;
  readonly neededFor: string;
  probe(probing: Probing): Missing | undefined;
}

export const SUPERUSER = 'run woodfrog as root (sudo), in a container with the capability';
export const atLeast = (version: string): string => `Linux ${version} or newer is needed`;

/** A result as what is missing: 0 or more, and the errnos that `known` names, mean that the feature is there. */
export function judged(
  call: string,
  result: number,
  { known = [], since }: { known?: readonly number[]; since: string },
): Missing | undefined {
  if (result >= 0 || known.includes(-result)) return undefined;
  const remedy = result === -EPERM ? SUPERUSER : atLeast(since);
  return { missing: `${call}: ${errnoName(-result)}`, remedy };
}
