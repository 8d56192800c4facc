/**
 * Holds a cgroup frozen (--freeze-cgroup) while the tree in it is seized: nothing is born meanwhile, however fast. It is
 * released once all are seized, as a frozen task of version 1 does not stop for a tracer. A deputy gives the cgroup its
 * former state back should we die. Linux Documentation/admin-guide/cgroup-v1/freezer-subsystem.rst, cgroup-v2.rst.
 */
import { attemptReadText } from '../host/files.js';
import { type Host, retryInterrupted, syscallError } from '../host/host.js';
import type { Interrupts } from '../host/interrupts.js';
import type { Stubs } from '../host/stubs.js';
import { AT_FDCWD } from '../linux/syscall.js';
import { close, nanosleep, openat, write } from '../linux/syscalls/files.js';
import { mmap, munmap } from '../linux/syscalls/memory.js';
import { O_CLOEXEC, O_WRONLY } from '../linux/uapi/fcntl.js';
import { MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE } from '../linux/uapi/mman.js';
import { PAGE_SIZE } from '../support/brand.js';
import { utf8 } from '../support/bytes.js';
import { refused } from '../support/errors.js';
import { Deputy } from './deputy.js';

interface Freezer {
  /** What is written to freeze, and to thaw. */
  readonly file: string;
  readonly frozen: string;
  readonly thawed: string;
  /** Whether the cgroup itself was told to freeze. */
  readonly asked: { readonly file: string; readonly pattern: RegExp };
  /** Whether all in it stand still. */
  readonly reached: { readonly file: string; readonly pattern: RegExp };
}

const FREEZERS: readonly Freezer[] = [
  {
    file: 'freezer.state',
    frozen: 'FROZEN',
    thawed: 'THAWED',
    asked: { file: 'freezer.self_freezing', pattern: /^1/ },
    reached: { file: 'freezer.state', pattern: /^FROZEN/ },
  },
  {
    file: 'cgroup.freeze',
    frozen: '1',
    thawed: '0',
    asked: { file: 'cgroup.freeze', pattern: /^1/ },
    reached: { file: 'cgroup.events', pattern: /^frozen 1$/m },
  },
];

const POLL_NS = 1_000_000;

export class CgroupHold implements Disposable {
  readonly #host: Host;
  readonly #folder: string;
  readonly #freezer: Freezer;
  /** It was frozen before. */
  readonly #wasFrozen: boolean;
  readonly #fd: number;
  /** Where the deputy has its text. */
  #page = 0;
  #deputy: Deputy | undefined;
  #isOver = false;

  /** Freezes the cgroup; returns when all in it stand still. */
  constructor(
    host: Host,
    { folder, stubs, interrupts }: { folder: string; stubs: Stubs; interrupts: Interrupts },
  ) {
    this.#host = host;
    this.#folder = folder;
    const freezer = FREEZERS.find(({ file }) => this.#read(file) !== undefined);
    if (freezer === undefined) {
      throw refused(`'${folder}' is no cgroup that can be frozen`, {
        object: 'cgroup freezer',
        remedy: "name one of the hierarchy 'freezer', or of version 2, but not its root",
      });
    }
    this.#freezer = freezer;
    this.#wasFrozen = freezer.asked.pattern.test(this.#read(freezer.asked.file) ?? '');
    const pathname = `${folder}/${freezer.file}`;
    this.#fd = host.call(openat, {
      dirfd: AT_FDCWD,
      pathname,
      flags: O_WRONLY | O_CLOEXEC,
      mode: 0,
    });
    try {
      this.#deputy = this.#guard(stubs);
      this.#write(freezer.frozen);
      this.#wait(interrupts);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Everybody goes on, to where they were told to go meanwhile. */
  release(): void {
    this.#write(this.#freezer.thawed);
  }

  /** As it was before. Never throws: called when the tree is let go. */
  giveBack(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { frozen, thawed } = this.#freezer;
    const text = this.#wasFrozen ? frozen : thawed;
    if (this.#attemptWrite(text) < 0) this.#attemptWrite(text);
    this.#deputy?.[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.giveBack();
    this.#host.attempt(close, { fd: this.#fd });
    if (this.#page !== 0) this.#host.attempt(munmap, { addr: this.#page, length: PAGE_SIZE });
  }

  #guard(stubs: Stubs): Deputy {
    const text = utf8(this.#wasFrozen ? this.#freezer.frozen : this.#freezer.thawed);
    this.#page = this.#host.call(mmap, {
      addr: 0,
      length: PAGE_SIZE,
      prot: PROT_READ | PROT_WRITE,
      flags: MAP_PRIVATE | MAP_ANONYMOUS,
      fd: -1,
      offset: 0,
    });
    this.#host.ffi.view(this.#page, PAGE_SIZE).set(text);
    const calls = [{ nr: write.nr, args: [this.#fd, this.#page, text.length] }];
    return new Deputy(this.#host, { stubs, when: 'alone', calls });
  }

  #wait(interrupts: Interrupts): void {
    const { reached } = this.#freezer;
    while (!reached.pattern.test(this.#read(reached.file) ?? '')) {
      interrupts.check(() => `the cgroup '${this.#folder}' to freeze`);
      this.#host.attempt(nanosleep, { req: { tv_sec: 0, tv_nsec: POLL_NS }, rem: 0 });
    }
  }

  #read(file: string): string | undefined {
    const text = attemptReadText(this.#host, `${this.#folder}/${file}`);
    return typeof text === 'string' ? text : undefined;
  }

  #write(text: string): void {
    const result = this.#attemptWrite(text);
    if (result < 0)
      throw syscallError('write', -result, `writing '${text}' to ${this.#freezer.file}`);
  }

  #attemptWrite(text: string): number {
    const buf = utf8(text);
    return retryInterrupted(() =>
      this.#host.attempt(write, { fd: this.#fd, buf, count: buf.length }),
    );
  }
}
