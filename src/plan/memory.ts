/** The data area of a plan: bump-allocated, at final addresses, copied into the plan's mapping by encode. */
import type { Place } from '../linux/syscall.js';
import { assert } from '../support/assert.js';
import { alignUp } from '../support/bytes.js';
import type { PlanMemory } from './track.js';

/** It grows by doubling; each of a thousand threads that are probed has an area of its own. */
const FIRST_LENGTH = 1024;

export class PlanArea implements PlanMemory {
  readonly base: number;
  readonly limit: number;
  #bytes = new Uint8Array(FIRST_LENGTH);
  #top = 0;

  /** `limit`: how many bytes the area may grow to. */
  constructor(base: number, limit: number) {
    this.base = base;
    this.limit = limit;
  }

  #take(length: number, align: number): number {
    const start = alignUp(this.#top, align);
    const end = start + length;
    assert(end <= this.limit, `the plan needs more than ${this.limit} bytes of data`);
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#top = end;
    return start;
  }

  store(data: Uint8Array, align = 8): number {
    const start = this.#take(data.length, align);
    this.#bytes.set(data, start);
    return this.base + start;
  }

  reserve(length: number, align = 8): Place {
    return { address: this.base + this.#take(length, align), length };
  }

  /** What has been stored so far. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#top);
  }

  get length(): number {
    return this.#top;
  }
}
