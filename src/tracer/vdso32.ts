/**
 * The kernel's pages for 32-bit code, which no process has that was not started from such: the first puppet maps them in
 * place of its own, they are looked at, and it maps its own again.
 */

import { readText } from '../host/files.js';
import type { Host } from '../host/host.js';
import { syscallError } from '../host/host.js';
import type { Interrupts } from '../host/interrupts.js';
import { attemptReadMemory } from '../host/process-memory.js';
import { errnoName } from '../linux/errno.js';
import { type Mapping, parseMaps } from '../linux/procfs/maps.js';
import { munmap } from '../linux/syscalls/memory.js';
import { archPrctl } from '../linux/syscalls/tasks.js';
import { ARCH_MAP_VDSO_32, ARCH_MAP_VDSO_64 } from '../linux/uapi/prctl.js';
import { defined } from '../support/assert.js';
import { refused } from '../support/errors.js';
import { type Puppet, puppetCall } from './puppet.js';

const isKernels = ({ label }: Mapping): boolean =>
  label === '[vvar]' || label === '[vvar_vclock]' || label === '[vdso]';

/** vvar and vdso, in the order of their addresses, and the bytes of the vdso. Brings `puppet.mappings` up to date. */
export function learnVdso32(
  host: Host,
  means: { puppet: Puppet; interrupts: Interrupts },
): { mappings: Mapping[]; bytes: Uint8Array } {
  const { puppet } = means;
  const own = puppet.mappings.filter(isKernels);
  const place = defined(own[0], 'a puppet has a vdso').start;
  const look = (): Mapping[] => parseMaps(readText(host, `/proc/${puppet.pid}/maps`));
  const unmap = (mappings: readonly Mapping[]): void => {
    for (const { start, end } of mappings) {
      const result = puppetCall(host, means, munmap.nr, [start, end - start]);
      if (result < 0) throw syscallError('munmap', -result, 'munmap of the vdso of a puppet');
    }
  };
  unmap(own);
  const result = puppetCall(host, means, archPrctl.nr, [ARCH_MAP_VDSO_32, place]);
  if (result < 0) throw noEmulation(result);
  const mappings = look().filter(isKernels);
  const vdso = defined(
    mappings.find(({ label }) => label === '[vdso]'),
    'the kernel has mapped a vdso',
  );
  const bytes = attemptReadMemory(host, puppet.pid, vdso.start, vdso.end - vdso.start);
  if (typeof bytes === 'number') {
    throw syscallError('process_vm_readv', -bytes, 'reading the vdso of a puppet');
  }
  unmap(mappings);
  const back = puppetCall(host, means, archPrctl.nr, [ARCH_MAP_VDSO_64, place]);
  if (back < 0) throw syscallError('arch_prctl', -back, 'mapping the vdso of a puppet');
  puppet.mappings = look();
  return { mappings, bytes };
}

const noEmulation = (result: number) =>
  refused(`this kernel runs no 32-bit programs: ARCH_MAP_VDSO_32: ${errnoName(-result)}`, {
    ...{ syscall: 'arch_prctl', errno: errnoName(-result), object: 'vdso' },
    remedy:
      'use a kernel built with CONFIG_IA32_EMULATION, that was not started with ia32_emulation=off',
  });
