/** What the operations on images alone are asked to do: show, verify, coredump, dedup. */
import { resolve } from 'node:path';
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
