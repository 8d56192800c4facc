/**
 * What a processor is and can do, as cpuinfo_x86_entry has it, and what one lacks of another. Pure: CPUID is asked by
 * whoever calls. Two words of `capability` are the kernel's own: which of them follow from the others is kept as is.
 */
import { assert } from '../../support/assert.js';
import { fromCString } from '../../support/bytes.js';
import { imageError } from '../../support/errors.js';
import {
  CAPABILITY_VERSION,
  CAPABILITY_WORDS,
  FEATURE_WORDS,
  FURTHER_WORDS,
  featureNames,
} from './cpu-features.js';
import { componentNames, imageComponents } from './xstate.js';

/** CPUID's answer, as unsigned numbers. */
export interface CpuidRegisters {
  readonly eax: number;
  readonly ebx: number;
  readonly ecx: number;
  readonly edx: number;
}
export type Cpuid = (leaf: number, subleaf: number) => CpuidRegisters;

/** cpuinfo_x86_entry. */
export interface CpuInfo {
  vendor_id: number;
  cpu_family: number;
  model: number;
  stepping: number;
  capability_ver: number;
  capability: number[];
  model_id?: string | undefined;
  xfeatures_mask?: bigint | undefined;
  xsave_size?: number | undefined;
  xsave_size_max?: number | undefined;
  further_capability: number[];
}

/** cpuinfo_x86_entry.vendor. */
const VENDORS: Readonly<Record<string, number>> = { GenuineIntel: 1, AuthenticAMD: 2 };
const VENDOR_UNKNOWN = 0;
const INTEL = 1;
const AMD = 2;

const EXTENDED = 0x8000_0000;
const BRAND_LEAVES = [0x8000_0002, 0x8000_0003, 0x8000_0004];
const XSAVE_LEAF = 0xd;
/** The word of features that Linux makes up (arch/x86/include/asm/cpufeatures.h), and those of CRIU's choice in it. */
const LINUX_WORD = 3;
const REP_GOOD = 1 << 16;
const NOPL = 1 << 20;
const CPUID = 1 << 25;

export function readCpuInfo(cpuid: Cpuid): CpuInfo {
  const ask = bounded(cpuid);
  const { eax, ...vendor } = cpuid(0, 0);
  assert(eax >= 1, 'CPUID has no leaf 1');
  const vendor_id = VENDORS[textOf([vendor.ebx, vendor.edx, vendor.ecx])] ?? VENDOR_UNKNOWN;
  const identity = identityOf(ask(1, 0).eax);
  const capability = wordsOf(ask, FEATURE_WORDS, CAPABILITY_WORDS);
  capability[LINUX_WORD] = linuxWord(vendor_id, identity.cpu_family);
  const xsave = ask(XSAVE_LEAF, 0);
  const model_id = textOf(BRAND_LEAVES.flatMap((leaf) => inOrder(ask(leaf, 0))));
  return {
    vendor_id,
    ...identity,
    capability_ver: CAPABILITY_VERSION,
    capability,
    model_id: model_id.trim(),
    xfeatures_mask: imageComponents((BigInt(xsave.edx) << 32n) | BigInt(xsave.eax)),
    xsave_size: xsave.ebx,
    xsave_size_max: xsave.ecx,
    further_capability: wordsOf(ask, FURTHER_WORDS, Object.keys(FURTHER_WORDS).length),
  };
}

/** A leaf above the highest one answers with what is in that one (Intel) or with anything: it is not asked. */
function bounded(cpuid: Cpuid): Cpuid {
  const limits = new Map([0, EXTENDED].map((range) => [range, cpuid(range, 0).eax]));
  return (leaf, subleaf) => {
    const limit = limits.get(leaf >= EXTENDED ? EXTENDED : 0) ?? 0;
    return leaf <= limit ? cpuid(leaf, subleaf) : { eax: 0, ebx: 0, ecx: 0, edx: 0 };
  };
}

const wordsOf = (cpuid: Cpuid, words: typeof FEATURE_WORDS, count: number): number[] =>
  Array.from({ length: count }, (_, i) => {
    const word = words[i];
    return word === undefined ? 0 : cpuid(word.leaf, word.subleaf ?? 0)[word.register];
  });

/** Leaf 1, eax. */
function identityOf(eax: number): Pick<CpuInfo, 'cpu_family' | 'model' | 'stepping'> {
  const family = (eax >>> 8) & 0xf;
  const model = (eax >>> 4) & 0xf;
  const isExtended = family === 0xf || family === 6;
  return {
    cpu_family: family === 0xf ? family + ((eax >>> 20) & 0xff) : family,
    model: isExtended ? model + (((eax >>> 16) & 0xf) << 4) : model,
    stepping: eax & 0xf,
  };
}

/** As arch/x86/kernel/cpu/{amd,intel,common}.c say it of a 64-bit processor. */
function linuxWord(vendor: number, family: number): number {
  const isGood = vendor === INTEL ? family === 6 || family === 15 : vendor === AMD;
  return (isGood ? REP_GOOD : 0) | NOPL | CPUID;
}

const inOrder = ({ eax, ebx, ecx, edx }: CpuidRegisters): number[] => [eax, ebx, ecx, edx];

function textOf(words: readonly number[]): string {
  const bytes = words.flatMap((word) => [0, 8, 16, 24].map((shift) => (word >>> shift) & 0xff));
  return fromCString(Uint8Array.from([...bytes, 0]));
}

/** What a processor must have of the one of the dump: criu(8), --cpu-cap; 'registers' is 'fpu' but for sizes. */
export type CpuDemand = 'registers' | 'fpu' | 'ins' | 'cpu';

/** What `here` lacks of `saved`, in words; nothing when it will do. Throws for an entry that is not as it should be. */
export function missingOf(saved: CpuInfo, here: CpuInfo, demands: readonly CpuDemand[]): string[] {
  if (saved.capability_ver !== CAPABILITY_VERSION || saved.capability.length !== CAPABILITY_WORDS) {
    const { capability_ver, capability } = saved;
    throw imageError(
      `capability version ${capability_ver} with ${capability.length} words is unknown`,
      { object: 'cpuinfo.img' },
    );
  }
  const missing: string[] = [];
  if (demands.includes('fpu') || demands.includes('registers')) {
    missing.push(...componentNames((saved.xfeatures_mask ?? 0n) & ~(here.xfeatures_mask ?? 0n)));
  }
  if (demands.includes('fpu')) missing.push(...otherSizes(saved, here));
  if (demands.includes('cpu')) missing.push(...differences(saved, here));
  else if (demands.includes('ins')) missing.push(...missingInstructions(saved, here));
  return missing;
}

function missingInstructions(saved: CpuInfo, here: CpuInfo): string[] {
  const of = (words: typeof FEATURE_WORDS, one: readonly number[], other: readonly number[]) =>
    one.flatMap((bits, i) =>
      featureNames(words[i], bits & ~(other[i] ?? 0), { instructionsOnly: true }),
    );
  return [
    ...of(FEATURE_WORDS, saved.capability, here.capability),
    ...of(FURTHER_WORDS, saved.further_capability, here.further_capability),
  ];
}

/** Everything that the one has and the other has not, in both directions. */
function differences(saved: CpuInfo, here: CpuInfo): string[] {
  return saved.capability.flatMap((bits, i) => {
    if (i === LINUX_WORD) return [];
    const other = here.capability[i] ?? 0;
    const more = featureNames(FEATURE_WORDS[i], other & ~bits).map((name) => `no ${name}`);
    return [...featureNames(FEATURE_WORDS[i], bits & ~other), ...more];
  });
}

/** The room that a program has measured for its registers. */
const otherSizes = (saved: CpuInfo, here: CpuInfo): string[] =>
  (['xsave_size', 'xsave_size_max'] as const)
    .filter((field) => saved[field] !== undefined && saved[field] !== here[field])
    .map((field) => `${field} ${saved[field]} (here ${here[field]})`);
