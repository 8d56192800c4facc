/** The compiling half of a restore, on a kernel that is made up: every file exists, every question has an answer. */

import { refuseUnsupported } from '../../src/checkpoint/unsupported-entries.js';
import { readVerified } from '../../src/checkpoint/verify-store.js';
import { IMAGES } from '../../src/images/catalogue.js';
import { readImageSet } from '../../src/images/directory.js';
import { PageReader, type ParentedStore } from '../../src/images/parents.js';
import { AREA_VDSO } from '../../src/images/vma-status.js';
import { parseMaps } from '../../src/linux/procfs/maps.js';
import { fileKinds, resourceImages } from '../../src/objects/index.js';
import { DEFAULT_OBJECT_OPTIONS } from '../../src/objects/options.js';
import type { KernelPort } from '../../src/objects/ports.js';
import { has32BitCode } from '../../src/objects/tasks/code-width.js';
import { compile } from '../../src/operations/compile.js';
import { verifyPlan } from '../../src/plan/verify.js';
import { concat, getU64, u64Bytes, viewOf } from '../../src/support/bytes.js';
import { refused } from '../../src/support/errors.js';
import { fakePort } from '../support/task-states.js';
import { fakeTerminals } from '../support/terminals.js';

/** The puppet's own mappings, with kernel pages as long as those of the captured checkpoints. */
const PUPPET = parseMaps(
  [
    '7ffff7f00000-7ffff7f06000 r--p 00000000 00:00 0                          [vvar]\n',
    '7ffff7f06000-7ffff7f08000 r-xp 00000000 00:00 0                          [vdso]\n',
    '7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0                          [stack]\n',
  ].join(''),
);
/** /dev/null, the only device that the captured checkpoints have open. */
const NULL_DEVICE = 0x103n;

type FileStat = Exclude<ReturnType<KernelPort['attemptStat']>, number>;

/** A host on which nothing has changed since a checkpoint. */
export interface UnchangedHost {
  readonly files: ReadonlyMap<string, FileStat>;
  readonly vdso: Uint8Array;
}

export function unchangedHost(store: ParentedStore): UnchangedHost {
  const set = readImageSet(store);
  const files = set.many(IMAGES.FILES).flatMap(({ reg }): [string, FileStat][] => {
    if (!reg) return [];
    const stat = { dev: 1n, ino: BigInt(reg.id), nlink: 1n, uid: 0, gid: 0, rdev: NULL_DEVICE };
    return [[reg.name, { ...stat, mode: reg.mode ?? 0, size: reg.size ?? 0 }]];
  });
  return { files: new Map(files), vdso: savedVdso(store) };
}

function savedVdso(store: ParentedStore): Uint8Array {
  const set = readImageSet(store);
  const [pid = 0] = set.ids(IMAGES.MM);
  const vma = set.get(IMAGES.MM, pid)?.vmas.find(({ status }) => status & AREA_VDSO);
  const bytes = new Uint8Array(vma ? vma.end - vma.start : 0);
  const pages = new PageReader([store], IMAGES.PAGEMAP, pid);
  pages.readInto(bytes, vma?.start ?? 0);
  pages.close();
  return bytes;
}

const AT_SYSINFO_EHDR = 33n;

function madeUpPort({ files, vdso }: UnchangedHost): KernelPort {
  const port = fakePort({
    files: {
      '/proc/sys/fs/nr_open': '1048576\n',
      '/proc/self/auxv': concat([AT_SYSINFO_EHDR, 0x7000n, 0n, 0n].map(u64Bytes)),
    },
    calls: {
      clock_gettime: () => 0,
      getpid: () => 7,
      process_vm_readv: (_, { local_iov }) => {
        const view = viewOf(local_iov as Uint8Array);
        const place = port.memory.places.get(getU64(view, 0));
        place?.set(vdso.subarray(0, place.length));
        return place?.length ?? 0;
      },
      prlimit64: (_, { old_limit }) => {
        const bytes = port.memory.places.get((old_limit as { address: number }).address);
        for (const at of [0, 8]) if (bytes) viewOf(bytes).setBigUint64(at, 0x10_0000n, true);
        return 0;
      },
    },
  });
  return {
    ...port,
    call(call, args) {
      const result = port.attempt(call, args);
      if (result < 0) throw refused(`${call.name} failed`, { syscall: call.name });
      return result;
    },
    attemptStat: (path) => files.get(path) ?? -2,
    readText: (path) => {
      const text = port.attemptReadText(path);
      if (typeof text === 'number') throw refused('open: ENOENT', { object: path });
      return text;
    },
  };
}

/** One that no image is like. */
const VDSO_32 = { mappings: PUPPET.slice(0, 1), bytes: new Uint8Array(4096) };

/** What a restore does before anything has an effect. */
export function compileRestore(store: ParentedStore, host: UnchangedHost): void {
  const images = readVerified(store);
  refuseUnsupported(images, {
    fileTypes: fileKinds.map(({ fdType }) => fdType),
    images: resourceImages,
  });
  const { plan, births } = compile({
    images,
    store,
    port: madeUpPort(host),
    puppetMappings: PUPPET,
    vdso32: has32BitCode(images) ? VDSO_32 : undefined,
    controlFd: 1_000_000,
    options: DEFAULT_OBJECT_OPTIONS,
    hostImageFd: () => 5,
    hostEndedPidfds: (count) => Array(count).fill(6),
    terminalHost: fakeTerminals(),
    inherited: new Map(),
    hostGoneFile: () => 6,
  });
  verifyPlan(plan, { first: births.first.track });
}
