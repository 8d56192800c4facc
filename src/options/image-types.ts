/** What the operations without tasks are asked to do: show, verify, coredump, dedup, cpuinfo. */
import { resolve } from 'node:path';
import { usage } from '../support/errors.js';
import { type CpuCap, cpuCapsFrom } from './cpu-cap.js';
import type { Settings } from './settings.js';
import { type CommonOptions, commonFrom, commonOptions } from './types.js';

/** Show, verify, dedup: the folder is `imagesDir`. */
export type ImagesOptions = CommonOptions;

export interface CoredumpOptions extends CommonOptions {
  /** Where core files go: a folder, or with `pid` the file itself. */
  readonly out: string;
  /** Only this task, by the pid it was saved with. */
  readonly pid?: number;
}

/** `operands`: a folder that stands instead of --images-dir. */
export function imagesOptionsFrom(settings: Settings, operands: readonly string[]): ImagesOptions {
  const [folder] = operands;
  const common = commonFrom(settings);
  return commonOptions(folder === undefined ? common : { ...common, imagesDir: folder });
}

export function coredumpOptionsFrom(
  settings: Settings,
  operands: readonly string[],
): CoredumpOptions {
  const pid = settings.optionalNumber('pid');
  return {
    ...imagesOptionsFrom(settings, operands),
    out: resolve(settings.text('out') ?? '.'),
    ...(pid !== undefined && { pid }),
  };
}

export interface CpuinfoOptions extends CommonOptions {
  /** Writes cpuinfo.img, or compares this processor with it. */
  readonly action: 'dump' | 'check';
  readonly cpuCaps?: readonly CpuCap[];
}

export function cpuinfoOptionsFrom(
  settings: Settings,
  operands: readonly string[],
): CpuinfoOptions {
  const [action] = operands;
  if (action !== 'dump' && action !== 'check') {
    throw usage(
      action === undefined
        ? "'cpuinfo' says not what to do"
        : `'${action}' is no action of cpuinfo`,
      { remedy: "write 'cpuinfo dump' or 'cpuinfo check'" },
    );
  }
  return { ...commonOptions(commonFrom(settings)), action, ...cpuCapsFrom(settings) };
}
