import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Faults } from '../host/faults.js';
import { FEATURES, type Feature, type Probing } from '../host/features.js';
import { Host } from '../host/host.js';
import { E2BIG, EINVAL, ENOSYS, ENOTTY, EPERM } from '../linux/errno.js';
import { CRIU_FEATURES, type FeatureName, OWN_FEATURES } from '../linux/features.js';
import { type CheckRequest, checkOptions } from '../options/types.js';
import { Log } from '../support/log.js';
import { check } from './check.js';
import { LATER_FEATURES } from './later-features.js';
import type { CheckResult } from './types.js';

const env = { log: new Log() };

function results(request: CheckRequest): CheckResult[] {
  const report = check(checkOptions(request), env);
  assert.ok(report.kind === 'checked');
  return [...report.results];
}

/** Children of ours that have not been waited for, and descriptors. */
const leftovers = (): string[] => [
  ...readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').split(' '),
  ...readdirSync('/proc/self/fd'),
];

test('every name has a probe or says what it belongs to, and never both', () => {
  for (const name of [...CRIU_FEATURES, ...OWN_FEATURES]) {
    assert.notEqual(name in FEATURES, name in LATER_FEATURES, name);
  }
  assert.equal(CRIU_FEATURES.length, 45);
});

test('the list names them all and probes nothing', () => {
  const report = check(checkOptions({ list: true }), env);
  assert.deepEqual(report, { kind: 'listed', names: [...CRIU_FEATURES, ...OWN_FEATURES] });
});

test('without names, the categories that were asked for are probed', () => {
  const categories = (request: CheckRequest) => [
    ...new Set(results(request).map(({ category }) => category)),
  ];
  assert.deepEqual(categories({}).sort(), [1]);
  assert.deepEqual(categories({ extra: true }).sort(), [1, 2]);
  assert.deepEqual(categories({ extra: true, experimental: true }).sort(), [1, 2, 3]);
});

test('nothing is left behind: no child, no descriptor', () => {
  results({});
  const before = leftovers();
  results({ extra: true, experimental: true });
  assert.deepEqual(leftovers(), before);
});

test('a feature of what woodfrog does not have yet is refused by name', () => {
  assert.deepEqual(results({ features: ['uffd', 'openat2'] }), [
    {
      name: 'uffd',
      category: 3,
      available: false,
      missing: 'it belongs to lazy pages, which woodfrog does not have yet',
    },
    { name: 'openat2', category: 3, available: true },
  ]);
  assert.throws(() => results({ features: ['tardis'] }), { code: 'usage' });
});

const asRoot = { skip: process.getuid?.() === 0 ? false : 'only root has the rights' };

test('this machine has what every dump and restore needs', asRoot, () => {
  const missing = results({}).filter(({ available }) => !available);
  assert.deepEqual(missing, []);
});

test('an ordinary user is told what is missing', asRoot, () => {
  const script = `
    import { check } from ${JSON.stringify(fileURLToPath(new URL('check.js', import.meta.url)))};
    import { checkOptions } from ${JSON.stringify(fileURLToPath(new URL('../options/types.js', import.meta.url)))};
    import { Log } from ${JSON.stringify(fileURLToPath(new URL('../support/log.js', import.meta.url)))};
    const report = check(checkOptions({}), { log: new Log() });
    process.stdout.write(JSON.stringify(report.results.filter(({ available }) => !available)));`;
  const args = ['--input-type=module', '-e', script];
  const { stdout, stderr } = spawnSync(process.execPath, args, {
    uid: 65534,
    gid: 65534,
    encoding: 'utf8',
    timeout: 30_000,
  });
  const missing = JSON.parse(stdout || `"${stderr}"`) as CheckResult[];
  const named = missing.map(({ name }) => name);
  assert.deepEqual(named.sort(), ['clone3_set_tid', 'map_files', 'privileges']);
  const privileges = missing.find(({ name }) => name === 'privileges');
  assert.match(
    privileges?.missing ?? '',
    /^no CAP_SETGID, .*CAP_SYS_ADMIN \(needed for every dump/,
  );
  for (const { remedy } of missing) assert.match(remedy ?? '', /^run woodfrog as root/);
});

/** A probe on a kernel that answers one call with an errno. */
function probeWith(name: FeatureName, call: string, errno: number): string | undefined {
  const faults: Faults = { before: (made) => (made === call ? errno : 0) };
  using host = new Host(faults);
  const probing: Probing = { host, puppet: { failure: 'no ptrace here' } };
  const found = (FEATURES[name] as Feature).probe(probing);
  return found && `${found.missing} | ${found.remedy}`;
}

test('older kernels, and ones built without something, are seen', () => {
  const cases: [FeatureName, string, number, RegExp][] = [
    ['clone3_set_tid', 'clone3', ENOSYS, /^clone3: ENOSYS \| Linux 5\.5/],
    ['clone3_set_tid', 'clone3', E2BIG, /^clone3 with set_tid: E2BIG \| Linux 5\.5/],
    ['pagemap_scan', 'ioctl', ENOTTY, /^ioctl\(PAGEMAP_SCAN\): ENOTTY \| Linux 6\.7/],
    ['pagemap_scan_guard_pages', 'ioctl', EINVAL, /EINVAL \| Linux 6\.15/],
    ['kcmp', 'kcmp', ENOSYS, /CONFIG_KCMP/],
    ['kcmp', 'kcmp', EPERM, /^kcmp: EPERM \| run woodfrog as root/],
    ['prctl_mm_map', 'prctl', EINVAL, /CONFIG_CHECKPOINT_RESTORE/],
    ['pidfd_getfd', 'pidfd_getfd', ENOSYS, /^pidfd_getfd: ENOSYS \| Linux 5\.6/],
    ['pidfd_getfd', 'pidfd_open', ENOSYS, /^pidfd_open: ENOSYS \| Linux 5\.3/],
    ['openat2', 'openat2', ENOSYS, /^openat2: ENOSYS/],
    ['can_map_vdso', 'arch_prctl', EINVAL, /^ARCH_MAP_VDSO_64: EINVAL \| Linux 4\.8/],
    ['compat_cr', 'arch_prctl', EINVAL, /^ARCH_MAP_VDSO_32: EINVAL \| .*CONFIG_IA32_EMULATION/],
    ['timens', 'openat', 2, /timens_offsets is not there/],
    ['loginuid', 'openat', 2, /CONFIG_AUDIT/],
    ['ptrace', 'none', 0, /^no ptrace here \| .*yama/],
  ];
  for (const [name, call, errno, said] of cases) {
    assert.match(probeWith(name, call, errno) ?? 'available', said, name);
  }
});
