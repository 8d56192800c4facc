import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FEATURE_WORDS, FURTHER_WORDS, featureNames } from './cpu-features.js';
import { type CpuInfo, type CpuidRegisters, missingOf, readCpuInfo } from './cpuinfo.js';

/** An AMD EPYC (Zen 4) in a virtual machine, as it answered; leaves that are not here are zero. */
const EPYC: Readonly<Record<string, readonly [number, number, number, number]>> = {
  '0.0': [0x1c, 0x68747541, 0x444d4163, 0x69746e65],
  '1.0': [0x00a10f11, 0x01020800, 0xfffa3203, 0x178bfbff],
  '6.0': [4, 0, 0, 0],
  '7.0': [1, 0xf1bf07ab, 0x00405fc6, 0x10],
  '7.1': [0x20, 0, 0, 0],
  'd.0': [0xe7, 0x980, 0x980, 0],
  'd.1': [0xf, 0x9a8, 0x1800, 0],
  '80000000.0': [0x80000021, 0x68747541, 0x444d4163, 0x69746e65],
  '80000001.0': [0x00a10f11, 0x40000000, 0x004003f3, 0x2fd3fbff],
  '80000002.0': [0x20444d41, 0x43595045, 0, 0],
  '80000007.0': [0, 0, 0, 0x100],
  '80000008.0': [0x303030, 0x50020005, 0x7001, 0],
};

function answer(leaf: number, subleaf: number): CpuidRegisters {
  const [eax, ebx, ecx, edx] = EPYC[`${leaf.toString(16)}.${subleaf}`] ?? [0, 0, 0, 0];
  return { eax, ebx, ecx, edx };
}

const epyc = (): CpuInfo => readCpuInfo(answer);

test('a processor is described as CRIU 4.2 describes it', () => {
  const { further_capability, ...entry } = epyc();
  // What CRIU 4.2 wrote on that machine.
  assert.deepEqual(entry, {
    vendor_id: 2,
    cpu_family: 25,
    model: 17,
    stepping: 1,
    capability_ver: 2,
    capability: [
      ...[395049983, 802421759, 0, 34668544, 4294586883, 0, 4195315, 0, 0, 4055828395, 15],
      ...[4218822, 0, 1342308357, 4, 0, 0, 0, 16],
    ],
    model_id: 'AMD EPYC',
    xfeatures_mask: 229n,
    xsave_size: 2432,
    xsave_size_max: 2432,
  });
  assert.deepEqual(further_capability, [0x20, 0]);
});

test('a leaf that a processor does not have is not asked for', () => {
  const asked: number[] = [];
  const old = readCpuInfo((leaf, subleaf) => {
    asked.push(leaf);
    if (leaf === 0) return { ...answer(0, 0), eax: 6 };
    if (leaf === 0x8000_0000) return { ...answer(leaf, 0), eax: 0x8000_0001 };
    return answer(leaf, subleaf);
  });
  assert.ok(!asked.includes(7) && !asked.includes(0xd) && !asked.includes(0x8000_0008));
  assert.deepEqual([old.capability[9], old.xfeatures_mask, old.model_id], [0, 0n, '']);
});

test('what a lesser processor lacks is named', () => {
  const saved = epyc();
  const here = epyc();
  assert.deepEqual(missingOf(saved, here, ['fpu', 'ins', 'cpu']), []);
  // AVX-512 gone, as on a processor that is a generation older.
  here.capability[9] = 0x219c07ab;
  here.further_capability = [0, 0];
  here.xfeatures_mask = 7n & ~2n;
  assert.deepEqual(missingOf(saved, here, ['ins']), [
    ...['avx512f', 'avx512dq', 'avx512ifma', 'avx512cd', 'avx512bw', 'avx512vl', 'avx512_bf16'],
  ]);
  assert.deepEqual(missingOf(saved, here, ['registers']), [
    'AVX-512 mask registers',
    'AVX-512 upper halves of zmm0-15',
    'AVX-512 zmm16-31',
  ]);
  assert.deepEqual(missingOf(here, saved, ['registers', 'ins']), [], 'more than needed is fine');
});

test('what only the kernel uses is no instruction, and counts when all must match', () => {
  const saved = epyc();
  const here = epyc();
  // hypervisor and svm.
  here.capability[4] = 0x7ffa3203;
  here.capability[6] = 0x004003f7;
  assert.deepEqual(missingOf(saved, here, ['fpu', 'ins']), []);
  assert.deepEqual(missingOf(saved, here, ['cpu']), ['hypervisor', 'no svm']);
});

test('other sizes matter to fpu alone', () => {
  const here = { ...epyc(), xsave_size_max: 2696 };
  assert.deepEqual(missingOf(epyc(), here, ['registers', 'ins']), []);
  assert.deepEqual(missingOf(epyc(), here, ['fpu']), ['xsave_size_max 2432 (here 2696)']);
});

test('an entry of another version is an error', () => {
  const saved = { ...epyc(), capability_ver: 1 };
  assert.throws(() => missingOf(saved, epyc(), ['ins']), /version 1 with 19 words/);
});

test('names stand at their bits', () => {
  for (const word of [...Object.values(FEATURE_WORDS), ...Object.values(FURTHER_WORDS)]) {
    assert.ok(word.names.trim().split(/\s+/).length <= 32, word.names);
  }
  const flags = (i: number, bits: number) => featureNames(FEATURE_WORDS[i], bits).join(' ');
  assert.equal(flags(0, (1 << 25) | (1 << 26)), 'sse sse2');
  assert.equal(flags(1, 0x2000_0000 | (1 << 11) | (1 << 27)), 'syscall rdtscp lm');
  assert.equal(flags(4, (1 << 12) | (1 << 20) | (1 << 28) | (1 << 30)), 'fma sse4_2 avx rdrand');
  assert.equal(flags(6, (1 << 5) | (1 << 16) | (1 << 29)), 'abm fma4 mwaitx');
  assert.equal(flags(9, (1 << 5) | (1 << 16) | (1 << 29)), 'avx2 avx512f sha_ni');
  assert.equal(flags(11, (1 << 22) | (1 << 14)), 'avx512_vpopcntdq rdpid');
  assert.equal(flags(13, (1 << 4) | (1 << 24)), 'rdpru amd_ssbd');
  assert.equal(flags(18, (1 << 14) | (1 << 23)), 'serialize avx512_fp16');
  assert.equal(flags(18, 0x8000_0000), 'spec_ctrl_ssbd');
});
