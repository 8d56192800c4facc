/** What a user may say about cgroups: --manage-cgroups and its companions. criu(8). Only --cgroup-props-file is read here. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { refused, usage } from '../support/errors.js';
import type { Settings } from './settings.js';

/** What a restore does about cgroups, and their properties: criu(8), --manage-cgroups. 'ignore': nothing, in a dump, too. */
export type CgroupMode = 'ignore' | 'none' | 'props' | 'soft' | 'full' | 'strict';

/** Another root, for one controller, or for all that no other root is for. */
export interface CgroupRoot {
  readonly controller?: string;
  readonly path: string;
}

/** Which files of a controller's cgroups are saved: in place of those that woodfrog knows of, or beside them. */
export interface ControllerProperties {
  readonly controller: string;
  readonly strategy: 'merge' | 'replace';
  readonly properties: readonly string[];
}

export interface CgroupOptions {
  /** Left out: cgroups are saved; at a restore tasks go back to those that are there still, all of which must be. */
  readonly mode?: CgroupMode;
  readonly roots: readonly CgroupRoot[];
  /** Only these are saved; all, if there is none. */
  readonly controllers: readonly string[];
  readonly properties: readonly ControllerProperties[];
  /** A folder with one for each hierarchy, by its controllers' names, 'systemd' or 'unified', instead of our mounts. */
  readonly yard?: string;
}

export const NO_CGROUP_OPTIONS: CgroupOptions = { roots: [], controllers: [], properties: [] };

const MODES: readonly CgroupMode[] = ['ignore', 'none', 'props', 'soft', 'full', 'strict'];

export function cgroupOptionsFrom(settings: Settings): CgroupOptions {
  const mode = settings.text('manage-cgroups');
  const yard = settings.text('cgroup-yard');
  const file = settings.text('cgroup-props-file');
  const texts = [settings.text('cgroup-props'), file === undefined ? undefined : readProps(file)];
  return {
    ...(mode !== undefined && { mode: parseMode(mode) }),
    roots: settings.list('cgroup-root').map(parseRoot),
    controllers: settings.list('cgroup-dump-controller'),
    properties: texts.flatMap((text) => (text === undefined ? [] : parseCgroupProps(text))),
    ...(yard !== undefined && { yard: resolve(yard) }),
  };
}

export function freezeCgroupFrom(settings: Settings): { freezeCgroup?: string } {
  const path = settings.text('freeze-cgroup');
  return path === undefined ? {} : { freezeCgroup: resolve(path) };
}

function parseMode(text: string): CgroupMode {
  const mode = text === '' ? 'soft' : MODES.find((one) => one === text);
  if (mode !== undefined) return mode;
  throw usage(`Option '--manage-cgroups' has the value '${text}'`, {
    remedy: `it is one of ${MODES.join(', ')}`,
  });
}

function parseRoot(text: string): CgroupRoot {
  const [, controller, path] = /^(?:([^/]*):)?(\/.*)$/.exec(text) ?? [];
  if (path === undefined) {
    throw usage(`Option '--cgroup-root' has the value '${text}'`, {
      remedy: 'write [CONTROLLER:]/PATH',
    });
  }
  return controller === undefined ? { path } : { controller, path };
}

function readProps(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const errno = (cause as NodeJS.ErrnoException).code ?? 'EIO';
    throw refused(`Cannot read the cgroup properties '${path}': ${errno}`, { errno, cause });
  }
}

const CONTROLLER = /^"([^"]+)"\s*:$/;
const STRATEGY = /^-\s*"strategy"\s*:\s*"(merge|replace)"$/;
const PROPERTIES = /^-\s*"properties"\s*:\s*\[(.*)\]$/;
const LIST = /^\s*(?:"[^"]+"\s*(?:,\s*"[^"]+"\s*)*)?$/;

/** The simplified YAML of criu(8): each controller's name, then a line for its strategy, and one for its properties. */
export function parseCgroupProps(text: string): ControllerProperties[] {
  const found: { controller: string; strategy?: 'merge' | 'replace'; properties?: string[] }[] = [];
  for (const line of text.split('\n').map((one) => one.trim())) {
    if (line === '' || line.startsWith('#')) continue;
    const controller = CONTROLLER.exec(line)?.[1];
    const last = found.at(-1);
    const strategy = STRATEGY.exec(line)?.[1] as 'merge' | 'replace' | undefined;
    const list = PROPERTIES.exec(line)?.[1];
    if (controller !== undefined) found.push({ controller });
    else if (last && strategy !== undefined) last.strategy = strategy;
    else if (last && list !== undefined && LIST.test(list)) {
      last.properties = [...list.matchAll(/"([^"]+)"/g)].map(([, name = '']) => name);
    } else throw wrongProps(`'${line}' cannot be understood`);
  }
  return found.map(({ controller, strategy, properties }) => {
    if (strategy === undefined) throw wrongProps(`'${controller}' has no strategy`);
    return { controller, strategy, properties: properties ?? [] };
  });
}

const wrongProps = (what: string) =>
  usage(`Cgroup properties: ${what}`, {
    remedy:
      'write "CONTROLLER":, then - "strategy": "merge" or "replace", - "properties": ["NAME", ...]',
  });
