/** cgroups that a test makes and sets, in the hierarchies that this machine has. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

const ROOT = '/sys/fs/cgroup';
const HUGE = 'hugetlb.2MB.max';

/** One property per hierarchy that is not what a new cgroup has: file, in the upper cgroup, in the one below. */
const SETTINGS: Readonly<Record<string, readonly [file: string, upper: string, lower: string]>> = {
  pids: ['pids.max', '321', '123'],
  cpu: ['cpu.shares', '512', '2048'],
  memory: ['memory.swappiness', '11', '22'],
  cpuset: ['cpuset.memory_migrate', '1', '1'],
  freezer: ['notify_on_release', '0', '0'],
  devices: ['notify_on_release', '0', '0'],
  blkio: ['notify_on_release', '0', '0'],
  cpuacct: ['notify_on_release', '0', '0'],
  systemd: ['cgroup.clone_children', '1', '1'],
  unified: ['cgroup.max.depth', '7', '5'],
};

const read = (path: string): string => readFileSync(path, 'utf8').trim();

export class TestCgroups {
  readonly name: string;
  readonly #hierarchies: string[];
  #enabledHugetlb = false;

  constructor(name: string) {
    this.name = `woodfrog-${name}-${process.pid}`;
    this.#hierarchies = Object.keys(SETTINGS).filter((one) =>
      existsSync(join(ROOT, one, 'cgroup.procs')),
    );
  }

  /** Nothing to test with. */
  get isEmpty(): boolean {
    return this.#hierarchies.length === 0;
  }

  folder(hierarchy: string, below = ''): string {
    return join(ROOT, hierarchy, this.name, below);
  }

  #all(below = ''): string[] {
    return this.#hierarchies.map((one) => this.folder(one, below));
  }

  /** NAME and NAME/lower in every hierarchy, with their settings, and permissions of their own. */
  make(): void {
    for (const hierarchy of this.#hierarchies) {
      const [file = '', upper = '', lower = ''] = SETTINGS[hierarchy] ?? [];
      const [top, below] = [this.folder(hierarchy), this.folder(hierarchy, 'lower')];
      for (const [folder, value] of [
        [top, upper],
        [below, lower],
      ] as const) {
        mkdirSync(folder);
        if (hierarchy === 'cpuset') {
          for (const name of ['cpuset.cpus', 'cpuset.mems']) {
            writeFileSync(join(folder, name), read(join(folder, '..', name)));
          }
        }
        writeFileSync(join(folder, file), value);
        if (folder === top && hierarchy === 'unified') this.#enableHugetlb(top);
      }
      chmodSync(top, 0o750);
      chownSync(below, 1234, 2345);
      chownSync(join(below, 'cgroup.procs'), 1234, 2345);
    }
  }

  /** A controller of version 2: the only one that version 1 leaves to it here. */
  #enableHugetlb(top: string): void {
    const control = 'cgroup.subtree_control';
    if (!read(join(ROOT, 'unified/cgroup.controllers')).split(' ').includes('hugetlb')) return;
    if (!read(join(ROOT, 'unified', control)).includes('hugetlb')) {
      writeFileSync(join(ROOT, 'unified', control), '+hugetlb');
      this.#enabledHugetlb = true;
    }
    writeFileSync(join(top, HUGE), String(8 * 2 ** 20));
  }

  /** Puts a process into all of them. */
  enter(pid: number, below = ''): void {
    for (const folder of this.#all(below)) writeFileSync(join(folder, 'cgroup.procs'), String(pid));
  }

  /** Every setting that a checkpoint keeps, by file. */
  state(name = this.name): Record<string, string> {
    const facts: Record<string, string> = {};
    const note = (path: string, key: string) => {
      const { mode, uid, gid } = statSync(path);
      facts[`${key} perms`] = `${mode.toString(8)} ${uid} ${gid}`;
    };
    for (const hierarchy of this.#hierarchies) {
      for (const below of ['', 'lower']) {
        const folder = join(ROOT, hierarchy, name, below);
        const key = join(hierarchy, below);
        if (!existsSync(folder)) {
          facts[key] = 'missing';
          continue;
        }
        note(folder, key);
        const files = [SETTINGS[hierarchy]?.[0] ?? '', 'cgroup.procs', 'cpuset.cpus', HUGE];
        for (const file of files.filter((one) => existsSync(join(folder, one)))) {
          note(join(folder, file), `${key}/${file}`);
          if (file !== 'cgroup.procs') facts[`${key}/${file}`] = read(join(folder, file));
        }
      }
    }
    return facts;
  }

  /** Somebody changes a setting meanwhile. */
  disturb(): void {
    for (const hierarchy of this.#hierarchies) {
      const [file = ''] = SETTINGS[hierarchy] ?? [];
      const path = join(this.folder(hierarchy, 'lower'), file);
      const other: Record<string, string> = { pids: '77', cpu: '99', memory: '33', unified: '3' };
      if (other[hierarchy] !== undefined) writeFileSync(path, other[hierarchy]);
      chmodSync(this.folder(hierarchy), 0o700);
    }
  }

  /** Removes them, and whatever has the same beginning. */
  remove(): void {
    for (const hierarchy of this.#hierarchies) {
      for (const found of readdirSync(join(ROOT, hierarchy))) {
        if (!found.startsWith(this.name)) continue;
        const folder = join(ROOT, hierarchy, found);
        const below = execFileSync('find', [folder, '-depth', '-type', 'd'], { encoding: 'utf8' });
        for (const path of below.trim().split('\n')) rmdirSync(path);
      }
    }
  }

  /** At the very end: the machine is as it was. */
  clean(): void {
    this.remove();
    if (!this.#enabledHugetlb) return;
    writeFileSync(join(ROOT, 'unified/cgroup.subtree_control'), '-hugetlb');
    this.#enabledHugetlb = false;
  }
}

/** The paths that a process has in hierarchies with cgroups of this name. */
export function placesOf(pid: number, name: string): string[] {
  const lines = read(`/proc/${pid}/cgroup`).split('\n');
  const paths = lines.map((line) => line.slice(line.indexOf(':', line.indexOf(':') + 1) + 1));
  return paths.filter((path) => path.split('/').includes(name));
}
