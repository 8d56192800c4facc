/**
 * One mmapped region that holds every buffer the kernel sees: addresses are stable, nothing is garbage-collected
 * under the kernel's feet. A bump allocator with scopes; a scope's end gives its memory back.
 */
import type { Memory, Place } from '../linux/syscall.js';
import { assert } from '../support/assert.js';
import { alignUp, viewOf } from '../support/bytes.js';
import type { Ffi } from './ffi.js';

const MMAP = 9;
const MUNMAP = 11;
/**
 * Reserved, not used: pages cost memory only when touched. But V8 counts the view of them, and from 64 MiB of such
 * memory on it collects garbage again and again: 5-10 ms each time.
 */
const ARENA_LENGTH = 32 * 1024 * 1024;

/** Memory of ours that the kernel may read and write; `bytes` shows it without a copy. */
export interface Buffer extends Place {
  readonly bytes: Uint8Array;
}

export interface Scope extends Memory, Disposable {
  /** Zeroed memory. */
  alloc(length: number, align?: number): Buffer;
}

export class Arena implements Memory, Disposable {
  readonly #ffi: Ffi;
  readonly #bytes: Uint8Array;
  /** All of it: one view for every number that is read here, as each view of its own costs more than the reading. */
  readonly view: DataView;
  readonly #base: number;
  #top = 0;

  constructor(ffi: Ffi) {
    // PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE
    const base = Number(ffi.syscall(MMAP, 0, ARENA_LENGTH, 3, 0x4022, -1, 0));
    assert(base > 0, 'no memory for the arena');
    this.#ffi = ffi;
    this.#base = base;
    this.#bytes = ffi.view(base, ARENA_LENGTH);
    this.view = viewOf(this.#bytes);
  }

  alloc(length: number, align = 8): Buffer {
    const buffer = this.allocUncleared(length, align);
    buffer.bytes.fill(0);
    return buffer;
  }

  /** Memory with whatever was in it, for calls that say how much of it they filled. */
  allocUncleared(length: number, align = 8): Buffer {
    const start = alignUp(this.#top, align);
    assert(start + length <= ARENA_LENGTH, 'the arena is full');
    this.#top = start + length;
    const bytes = this.#bytes.subarray(start, start + length);
    return { address: this.#base + start, length, bytes };
  }

  /** Room for a call to fill: its address alone. */
  reserve(length: number, align = 8): number {
    const start = alignUp(this.#top, align);
    assert(start + length <= ARENA_LENGTH, 'the arena is full');
    this.#top = start + length;
    return this.#base + start;
  }

  /** Where in `view` an address is. */
  at(address: number): number {
    return address - this.#base;
  }

  /** What lies there now, without a copy. */
  slice(address: number, length: number): Uint8Array {
    const start = address - this.#base;
    return this.#bytes.subarray(start, start + length);
  }

  store(data: Uint8Array, align = 8): number {
    const start = alignUp(this.#top, align);
    assert(start + data.length <= ARENA_LENGTH, 'the arena is full');
    this.#top = start + data.length;
    this.#bytes.set(data, start);
    return this.#base + start;
  }

  /** Gives back, at its end, all that is allocated from now on. Scopes nest. */
  scope(): Scope {
    const mark = this.#top;
    return {
      alloc: (length, align) => this.alloc(length, align),
      store: (data, align) => this.store(data, align),
      [Symbol.dispose]: () => {
        this.#top = mark;
      },
    };
  }

  get mark(): number {
    return this.#top;
  }

  release(mark: number): void {
    this.#top = mark;
  }

  /** Unmaps it: nothing that was allocated may be touched any more. */
  [Symbol.dispose](): void {
    this.#ffi.syscall(MUNMAP, this.#base, ARENA_LENGTH, 0, 0, 0, 0);
  }
}
