/**
 * The foreign function interface: one C function, syscall(2), and views of raw memory. koffi's addon is loaded
 * directly (its JavaScript wrapper costs 9 ms of start-up); the wrapper serves where the addon is not found.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { refused } from '../support/errors.js';

export type RawSyscall = (
  nr: number,
  a: number | bigint,
  b: number | bigint,
  c: number | bigint,
  d: number | bigint,
  e: number | bigint,
  f: number | bigint,
) => number | bigint;

interface Koffi {
  load(path: string | null): { func(prototype: string): RawSyscall };
  errno(): number;
  view(address: bigint, length: number): ArrayBuffer;
  proto(definition: string): unknown;
  call(address: bigint, prototype: unknown, ...args: (number | bigint)[]): number | bigint;
}

export interface Ffi {
  /** The result, or -1 with errno() set. Numbers when exact, else bigint. */
  syscall: RawSyscall;
  errno(): number;
  /** The memory at an address of this process, without a copy. */
  view(address: number, length: number): Uint8Array;
  /** Calls a function of the C ABI with up to six integer arguments. */
  callAddress(address: number, args: readonly (number | bigint)[]): number | bigint;
}

const ADDON = '@koromix/koffi-linux-x64';

function loadKoffi(): Koffi {
  // Undefined in a CommonJS bundle. (`typeof require` tells nothing: the bundler puts one into ESM bundles, too.)
  const here: string | undefined = import.meta.url;
  const load = here === undefined ? require : createRequire(here);
  let folder: string;
  try {
    folder = dirname(load.resolve(ADDON));
  } catch {
    return load('koffi') as Koffi;
  }
  const failures: string[] = [];
  for (const build of ['linux_x64', 'musl_x64']) {
    try {
      const holder = { exports: {} };
      process.dlopen(holder, join(folder, build, 'koffi.node'));
      return holder.exports as Koffi;
    } catch (error) {
      failures.push(String(error));
    }
  }
  throw refused(`the FFI addon cannot be loaded: ${failures.join('; ')}`, {
    remedy: "run 'npm ci' for this platform: woodfrog needs linux x86-64 with glibc or musl",
  });
}

export function loadFfi(): Ffi {
  const koffi = loadKoffi();
  const library = koffi.load(null);
  const syscall = library.func('int64 syscall(int64, int64, int64, int64, int64, int64, int64)');
  let prototype: unknown;
  return {
    syscall,
    errno: () => koffi.errno(),
    view: (address, length) => new Uint8Array(koffi.view(BigInt(address), length)),
    callAddress: (address, args) => {
      prototype ??= koffi.proto('int64 stub(int64, int64, int64, int64, int64, int64)');
      const six = Array.from({ length: 6 }, (_, i) => args[i] ?? 0);
      return koffi.call(BigInt(address), prototype, ...six);
    },
  };
}
