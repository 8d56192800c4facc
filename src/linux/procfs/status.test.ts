import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseStatus } from './status.js';

// Linux 6.18; the name is 'a) (b\n\\', groups 0, 5 and nobody's, in a nested pid namespace.
const LINUX_6_18 = `Name:	a) (b\\n\\\\
Umask:	0022
State:	t (tracing stop)
Tgid:	8065
Ngid:	0
Pid:	8066
PPid:	8060
TracerPid:	77
Uid:	1000	1001	1002	1003
Gid:	4294967294	0	0	5
FDSize:	256
Groups:	0 5 4294967294 
NStgid:	8065	4	2
NSpid:	8066	5	3
NSpgid:	8060	0	0
NSsid:	2166	0	0
Kthread:	0
VmPeak:	    3060 kB
VmSwap:	       0 kB
HugetlbPages:	       0 kB
CoreDumping:	0
THP_enabled:	1
untag_mask:	0xffffffffffffffff
Threads:	2
SigQ:	2/96365
SigPnd:	0000000000000000
ShdPnd:	0000000000004000
SigBlk:	8000000000000001
SigIgn:	0000000001001000
SigCgt:	0000000000000002
CapInh:	0000000000000000
CapPrm:	000001fffeffffff
CapEff:	000001fffeffffff
CapBnd:	000001fffeffffff
CapAmb:	0000000000000400
NoNewPrivs:	1
Seccomp:	2
Seccomp_filters:	3
Speculation_Store_Bypass:	thread force mitigated
SpeculationIndirectBranch:	always enabled
Cpus_allowed:	3
Cpus_allowed_list:	0-1
Mems_allowed_list:	0
voluntary_ctxt_switches:	0
nonvoluntary_ctxt_switches:	1
x86_Thread_features:	shstk wrss 
x86_Thread_features_locked:	shstk 
`;
// Linux 6.18.
const ZOMBIE = `Name:	python3
State:	Z (zombie)
Tgid:	10376
Ngid:	0
Pid:	10376
PPid:	10334
TracerPid:	0
Uid:	0	0	0	0
Gid:	0	0	0	0
FDSize:	0
Groups:	 
NStgid:	10376
NSpid:	10376
NSpgid:	10288
NSsid:	2166
Kthread:	0
Threads:	1
SigQ:	0/96365
SigPnd:	0000000000000000
ShdPnd:	0000000000000000
SigBlk:	0000000000000000
SigIgn:	0000000001001000
SigCgt:	0000000000000002
CapInh:	0000000000000000
CapPrm:	000001fffeffffff
CapEff:	000001fffeffffff
CapBnd:	000001fffeffffff
CapAmb:	0000000000000000
NoNewPrivs:	0
Seccomp:	0
Seccomp_filters:	0
Speculation_Store_Bypass:	vulnerable
SpeculationIndirectBranch:	always enabled
Cpus_allowed:	3
voluntary_ctxt_switches:	1
nonvoluntary_ctxt_switches:	0
`;
// Linux 5.4.
const LINUX_5_4 = `Name:	cat
Umask:	0077
State:	R (running)
Tgid:	900
Ngid:	0
Pid:	900
PPid:	800
TracerPid:	0
Uid:	0	0	0	0
Gid:	0	0	0	0
FDSize:	64
Groups:	 
NStgid:	900
NSpid:	900
NSpgid:	900
NSsid:	800
VmPeak:	    2500 kB
CoreDumping:	0
THP_enabled:	1
Threads:	1
SigQ:	0/18446744073709551615
SigPnd:	0000000000000000
ShdPnd:	0000000000000000
SigBlk:	0000000000000000
SigIgn:	0000000000000000
SigCgt:	0000000000000000
CapInh:	0000000000000000
CapPrm:	0000003fffffffff
CapEff:	0000003fffffffff
CapBnd:	0000003fffffffff
CapAmb:	0000000000000000
NoNewPrivs:	0
Seccomp:	0
Speculation_Store_Bypass:	thread vulnerable
Cpus_allowed:	3
`;

test('every field of a full status', () => {
  assert.deepEqual(parseStatus(LINUX_6_18), {
    Name: 'a) (b\n\\',
    Umask: 0o22,
    State: 't',
    Tgid: 8065,
    Pid: 8066,
    PPid: 8060,
    TracerPid: 77,
    Uid: [1000, 1001, 1002, 1003],
    Gid: [4294967294, 0, 0, 5],
    FDSize: 256,
    Groups: [0, 5, 4294967294],
    NStgid: [8065, 4, 2],
    NSpid: [8066, 5, 3],
    NSpgid: [8060, 0, 0],
    NSsid: [2166, 0, 0],
    Kthread: false,
    CoreDumping: false,
    THP_enabled: true,
    untag_mask: 0xffffffffffffffffn,
    Threads: 2,
    SigQ: { queued: 2, limit: 96365 },
    SigPnd: 0n,
    ShdPnd: 0x4000n,
    SigBlk: 0x8000000000000001n,
    SigIgn: 0x1001000n,
    SigCgt: 2n,
    CapInh: 0n,
    CapPrm: 0x1fffeffffffn,
    CapEff: 0x1fffeffffffn,
    CapBnd: 0x1fffeffffffn,
    CapAmb: 0x400n,
    NoNewPrivs: true,
    Seccomp: 2,
    Seccomp_filters: 3,
    Speculation_Store_Bypass: 'thread force mitigated',
    SpeculationIndirectBranch: 'always enabled',
    x86_Thread_features: ['shstk', 'wrss'],
    x86_Thread_features_locked: ['shstk'],
  });
});

test('a zombie has neither umask nor memory', () => {
  const status = parseStatus(ZOMBIE);
  assert.equal(status.State, 'Z');
  assert.equal(status.Umask, undefined);
  assert.equal(status.THP_enabled, undefined);
  assert.equal(status.CoreDumping, undefined);
  assert.equal(status.untag_mask, undefined);
  assert.equal(status.x86_Thread_features, undefined);
  assert.deepEqual(status.Groups, []);
  assert.equal(status.Threads, 1);
});

test('what Linux 5.4 does not write is undefined, not 0', () => {
  const status = parseStatus(LINUX_5_4);
  assert.equal(status.Seccomp, 0);
  assert.equal(status.Seccomp_filters, undefined);
  assert.equal(status.Kthread, undefined);
  assert.equal(status.SpeculationIndirectBranch, undefined);
  assert.equal(status.Speculation_Store_Bypass, 'thread vulnerable');
  assert.deepEqual(status.SigQ, { queued: 0, limit: undefined });
});

test('lines are found in whatever order they come', () => {
  const [name, ...lines] = LINUX_6_18.trimEnd().split('\n');
  const turned = `${[name, ...lines.reverse()].join('\n')}\n`;
  assert.deepEqual(parseStatus(turned), parseStatus(LINUX_6_18));
});

test('a missing line that every kernel writes is refused by name', () => {
  assert.throws(() => parseStatus(ZOMBIE.replace(/^SigBlk.*\n/m, '')), /"\(no SigBlk\)"/);
});

for (const [line, broken] of [
  ['Tgid:\t10376', 'Tgid:\tx'],
  ['Uid:\t0\t0\t0\t0', 'Uid:\t0\t0\t0'],
  ['Gid:\t0\t0\t0\t0', 'Gid:\t0\t0\t0\t0\t0'],
  ['SigQ:\t0/96365', 'SigQ:\t0'],
  ['SigPnd:\t0000000000000000', 'SigPnd:\t00000000000000000001x'],
  ['NoNewPrivs:\t0', 'NoNewPrivs:\t2'],
  ['Threads:\t1', 'Threads:\t1 of 3'],
] as const) {
  test(`refuses "${broken}"`, () => {
    const what = `/proc/PID/status has a line that cannot be read: ${JSON.stringify(broken)}`;
    assert.throws(() => parseStatus(ZOMBIE.replace(line, broken)), { message: what });
  });
}
