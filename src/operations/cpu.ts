/** The processor: recorded by a dump, compared before a restore; `woodfrog cpuinfo` does either alone. */
import { type CpuDemand, type CpuInfo, missingOf, readCpuInfo } from '../arch/arch.js';
import { HostImageStore } from '../host/image-store.js';
import type { Stubs } from '../host/stubs.js';
import { IMAGES } from '../images/catalogue.js';
import { type ImageSet, missingImage, readImageSet, writeImage } from '../images/directory.js';
import { imageName } from '../images/image.js';
import type { CpuCap } from '../options/cpu-cap.js';
import type { CpuinfoOptions } from '../options/image-types.js';
import { imageError, refused, within } from '../support/errors.js';
import { Session } from './session.js';
import type { CpuinfoReport, OperationEnv } from './types.js';

/** Without --cpu-cap: nothing that the program may have found must be gone. */
const NOT_LESS: readonly CpuDemand[] = ['registers', 'ins'];

const thisCpu = (stubs: Stubs): CpuInfo =>
  readCpuInfo((leaf, subleaf) => stubs.cpuid(leaf, subleaf));

/** Adds cpuinfo.img, unless the caller wants none of it. */
export function recordCpu(images: ImageSet, stubs: Stubs, caps?: readonly CpuCap[]): void {
  if (caps?.length === 0) return;
  images.put(IMAGES.CPUINFO, { x86_entry: [thisCpu(stubs)], ppc64_entry: [], s390_entry: [] });
}

/** Throws, with the names of what is missing, when this processor is not what the checkpoint needs. */
export function verifyCpu(images: ImageSet, stubs: Stubs, caps?: readonly CpuCap[]): void {
  if (caps?.length === 0) return;
  const recorded = images.get(IMAGES.CPUINFO);
  if (recorded === undefined) {
    // Registers in use are compared in any case, with those of the images.
    if (caps === undefined || caps.every((cap) => cap === 'fpu')) return;
    throw missingImage(imageName(IMAGES.CPUINFO, undefined));
  }
  const [saved] = recorded.x86_entry;
  if (saved === undefined) {
    throw imageError('it is of another kind of processor', { object: 'cpuinfo.img' });
  }
  const missing = missingOf(saved, thisCpu(stubs), caps ?? NOT_LESS);
  if (missing.length === 0) return;
  throw refused(
    `this CPU is not like that of the checkpoint (${saved.model_id}): ${missing.join(', ')}`,
    {
      object: 'processor features',
      remedy:
        'use a CPU that has the same; --cpu-cap=none compares nothing, for programs that do without',
    },
  );
}

export function cpuinfo(options: CpuinfoOptions, env: OperationEnv): CpuinfoReport {
  const { action, imagesDir, cpuCaps } = options;
  return within({ doing: `${action} cpuinfo` }, () => {
    using session = new Session(env, 'cpuinfo');
    using store = new HostImageStore(session.host, imagesDir, { sync: false });
    const name = imageName(IMAGES.CPUINFO, undefined);
    if (action === 'dump') {
      const value = { x86_entry: [thisCpu(session.stubs)], ppc64_entry: [], s390_entry: [] };
      writeImage(store, name, IMAGES.CPUINFO, [{ value }]);
      return { kind: 'cpuinfo', action };
    }
    const images = readImageSet(store, ({ key }) => key !== IMAGES.CPUINFO.key);
    if (!images.has(IMAGES.CPUINFO)) throw missingImage(name);
    verifyCpu(images, session.stubs, cpuCaps ?? ['fpu', 'ins']);
    return { kind: 'cpuinfo', action };
  });
}
