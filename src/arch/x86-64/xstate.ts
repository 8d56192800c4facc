/**
 * The extended registers (x87, SSE, AVX, AVX-512, protection keys): the bytes of NT_X86_XSTATE, which are XSAVE's
 * standard (not compacted) format, to the images' user_x86_fpregs_entry and back, and to the fpstate of a signal frame.
 * Layout: Intel SDM vol. 1 ch. 13; arch/x86/include/asm/fpu/types.h; uapi/asm/sigcontext.h. A component whose bit in
 * XSTATE_BV is clear is in its initial state, whatever its bytes say. Where components lie differs between CPU makers.
 */
import { array, struct, u8, u16, u32, u64 } from '../../linux/struct.js';
import { assert } from '../../support/assert.js';
import { setBits, viewOf } from '../../support/bytes.js';
import { imageError, unsupported } from '../../support/errors.js';

/** Where one component lies in the standard format: CPUID leaf 0xd, subleaf = bit: ebx, eax. */
export interface XstateComponent {
  readonly offset: number;
  readonly size: number;
}

export interface XstateLayout {
  /** The components that the kernel enabled: XCR0, also at +464 of every NT_X86_XSTATE. */
  readonly xcr0: bigint;
  /** Keyed by bit number; x87 and SSE (0, 1) are the legacy area and not listed. */
  readonly components: ReadonlyMap<number, XstateComponent>;
  /** Bytes of the whole: what PTRACE_GETREGSET gives. */
  readonly length: number;
}

/** user_x86_xsave_entry of the images; an empty array says that the CPU had no such component. */
export interface XsaveEntry {
  xstate_bv: bigint;
  ymmh_space: number[];
  bndreg_state: bigint[];
  bndcsr_state: bigint[];
  opmask_reg: bigint[];
  zmm_upper: bigint[];
  hi16_zmm: bigint[];
  pkru: number[];
  cet?: { cet: bigint; ssp: bigint };
}

/** user_x86_fpregs_entry of the images. */
export interface FpregsEntry {
  cwd: number;
  swd: number;
  twd: number;
  fop: number;
  rip: bigint;
  rdp: bigint;
  mxcsr: number;
  mxcsr_mask: number;
  st_space: number[];
  xmm_space: number[];
  padding: number[];
  xsave?: XsaveEntry;
}

/** The first 416 bytes of struct _fpstate_64 (FXSAVE). */
const fxregs = struct(
  'fxregs_state',
  {
    cwd: u16,
    swd: u16,
    twd: u8,
    reserved: u8,
    fop: u16,
    rip: u64,
    rdp: u64,
    mxcsr: u32,
    mxcsr_mask: u32,
    st_space: array(u32, 32),
    xmm_space: array(u32, 64),
  },
  { size: 416 },
);
/** struct _fpx_sw_bytes, in a signal frame's fpstate. */
const fpx_sw_bytes = struct(
  '_fpx_sw_bytes',
  { magic1: u32, extended_size: u32, xfeatures: u64, xstate_size: u32, padding: array(u32, 7) },
  { size: 48 },
);

const SW_RESERVED_OFFSET = 464;
const XSTATE_BV_OFFSET = 512;
/** The legacy area and the XSAVE header. */
const XSTATE_MIN_LENGTH = 576;
const FP_XSTATE_MAGIC1 = 0x46505853;
const FP_XSTATE_MAGIC2 = 0x46505845;
/** Bytes of FP_XSTATE_MAGIC2, behind the state in a frame. */
const FP_XSTATE_MAGIC2_SIZE = 4;
const XFEATURE_FP = 0;
const XFEATURE_SSE = 1;
const XFEATURE_XTILE_DATA = 18;
/** Of XCR0: no component. */
const XCR0_RESERVED = 63;
/** init_pkru: access to key 0 alone. */
const LINUX_INITIAL_PKRU = 0x5555_5554;
/** Bits of a component that is enabled on demand, by a fault. */
const DYNAMIC_FEATURES = [XFEATURE_XTILE_DATA];

type ArrayField = Exclude<keyof XsaveEntry, 'xstate_bv' | 'cet'>;
interface Feature {
  readonly bit: number;
  readonly name: string;
  /** As most Intel CPUs lay it out. */
  readonly offset: number;
  readonly size: number;
  /** The image field that holds it; none: it cannot be saved. */
  readonly field?: ArrayField;
}

const FEATURES: readonly Feature[] = [
  { bit: 2, name: 'AVX', offset: 576, size: 256, field: 'ymmh_space' },
  { bit: 3, name: 'MPX bound registers', offset: 960, size: 64, field: 'bndreg_state' },
  { bit: 4, name: 'MPX configuration', offset: 1024, size: 64, field: 'bndcsr_state' },
  { bit: 5, name: 'AVX-512 mask registers', offset: 1088, size: 64, field: 'opmask_reg' },
  { bit: 6, name: 'AVX-512 upper halves of zmm0-15', offset: 1152, size: 512, field: 'zmm_upper' },
  { bit: 7, name: 'AVX-512 zmm16-31', offset: 1664, size: 1024, field: 'hi16_zmm' },
  { bit: 9, name: 'protection key rights', offset: 2688, size: 8, field: 'pkru' },
  { bit: 17, name: 'AMX tile configuration', offset: 2752, size: 64 },
  { bit: XFEATURE_XTILE_DATA, name: 'AMX tile data', offset: 2816, size: 8192 },
  { bit: 19, name: 'APX registers', offset: 960, size: 128 },
];

const featureOf = new Map(FEATURES.map((feature) => [feature.bit, feature]));

const has = (mask: bigint, bit: number): boolean => ((mask >> BigInt(bit)) & 1n) === 1n;
const without = (mask: bigint, bit: number): bigint => mask & ~(1n << BigInt(bit));
const isWide = (field: ArrayField): boolean => field !== 'ymmh_space' && field !== 'pkru';

/** XCR0 as the kernel writes it into every NT_X86_XSTATE. */
export const xcr0Of = (xstate: Uint8Array): bigint =>
  viewOf(xstate).getBigUint64(SW_RESERVED_OFFSET, true);
/** Which components are not in their initial state. */
export const xstateBv = (xstate: Uint8Array): bigint =>
  viewOf(xstate).getBigUint64(XSTATE_BV_OFFSET, true);

/**
 * The layout of the components in `xcr0`. `locate` answers from CPUID (leaf 0xd, subleaf = bit); without it, the
 * usual Intel layout, which is wrong on AMD from AVX-512 on.
 */
export function xstateLayout(
  xcr0: bigint,
  locate: (bit: number) => XstateComponent | undefined = standardComponent,
): XstateLayout {
  const components = new Map<number, XstateComponent>();
  let length = XSTATE_MIN_LENGTH;
  for (const bit of setBits(xcr0)) {
    if (bit <= XFEATURE_SSE || bit === XCR0_RESERVED) continue;
    const component = locate(bit);
    assert(component !== undefined && component.size > 0, `No place for xstate component ${bit}`);
    components.set(bit, component);
    length = Math.max(length, component.offset + component.size);
  }
  return { xcr0, components, length };
}

function standardComponent(bit: number): XstateComponent | undefined {
  const feature = featureOf.get(bit);
  return feature && { offset: feature.offset, size: feature.size };
}

/** Of these components (XCR0), those that images can hold. SSE shares its place with x87, and CRIU names that alone. */
export function imageComponents(xcr0: bigint): bigint {
  const held = FEATURES.filter(({ field }) => field !== undefined).map(({ bit }) => bit);
  return [XFEATURE_FP, ...held]
    .filter((bit) => has(xcr0, bit))
    .reduce((mask, bit) => mask | (1n << BigInt(bit)), 0n);
}

export const componentNames = (mask: bigint): string[] => setBits(mask).map(nameOf);

const nameOf = (bit: number): string => featureOf.get(bit)?.name ?? `xstate component ${bit}`;

/** By name, the components in use that no image can hold: a task that has one cannot be saved. */
export const unsavableXstate = (xstate: Uint8Array): string[] =>
  setBits(xstateBv(xstate))
    .filter((bit) => bit > XFEATURE_SSE && featureOf.get(bit)?.field === undefined)
    .map(nameOf);

/** NT_X86_XSTATE bytes as the images hold them. Throws unsupported when a component in use has no place there. */
export function fpregsFromXstate(xstate: Uint8Array, layout: XstateLayout): FpregsEntry {
  assert(xstate.length >= XSTATE_MIN_LENGTH, `An xstate of ${xstate.length} bytes has no header`);
  const lost = unsavableXstate(xstate);
  if (lost.length > 0) throw unsupported(`CPU state cannot be saved: ${lost.join(', ')}`);
  const { reserved: _, ...legacy } = fxregs.decode(xstate);
  const xsave: XsaveEntry = {
    xstate_bv: xstateBv(xstate),
    ymmh_space: [],
    bndreg_state: [],
    bndcsr_state: [],
    opmask_reg: [],
    zmm_upper: [],
    hi16_zmm: [],
    pkru: [],
    cet: { cet: 0n, ssp: 0n },
  };
  for (const { bit, field } of FEATURES) {
    const place = layout.components.get(bit);
    if (field && place) readField(xsave, field, viewOf(xstate), place);
  }
  return { ...legacy, padding: [], xsave };
}

/**
 * NT_X86_XSTATE bytes for this CPU. Throws unsupported when the image holds a component, not in its initial state,
 * that this CPU lacks; and an image error when an array has another length than its component.
 */
export function xstateFromFpregs(fpregs: FpregsEntry, layout: XstateLayout): Uint8Array {
  const xstate = new Uint8Array(layout.length);
  const view = viewOf(xstate);
  checkLength('st_space', fpregs.st_space, 32);
  checkLength('xmm_space', fpregs.xmm_space, 64);
  fxregs.set(view, 0, { ...fpregs, reserved: 0 });
  view.setBigUint64(SW_RESERVED_OFFSET, layout.xcr0, true);
  const legacyBits = (1n << BigInt(XFEATURE_FP)) | (1n << BigInt(XFEATURE_SSE));
  let inUse = fpregs.xsave?.xstate_bv ?? legacyBits;
  const { xsave } = fpregs;
  const placed = new Set<number>();
  for (const { bit, field } of FEATURES) {
    const place = layout.components.get(bit);
    if (!place || !field) continue;
    placed.add(bit);
    if (xsave) writeField(view, field, xsave[field], place);
  }
  for (const bit of setBits(inUse)) {
    if (bit <= XFEATURE_SSE || placed.has(bit)) continue;
    refuseUnlessInitial(bit, xsave);
    inUse = without(inUse, bit);
  }
  view.setBigUint64(XSTATE_BV_OFFSET, inUse, true);
  return xstate;
}

/**
 * A component's initial state is all zeros, so one of zeros may be dropped; and so may the protection key rights that
 * every Linux task starts with, which deny only keys that no mapping has.
 */
function refuseUnlessInitial(bit: number, xsave: XsaveEntry | undefined): void {
  const field = featureOf.get(bit)?.field;
  const isInitial = (value: number | bigint): boolean =>
    value === 0 || value === 0n || (field === 'pkru' && value === LINUX_INITIAL_PKRU);
  if (field && (xsave?.[field] ?? []).every(isInitial)) return;
  throw unsupported(`this CPU or kernel lacks what the task uses: ${nameOf(bit)}`, {
    remedy: 'restore on a CPU that has the features of the one it was saved on',
  });
}

/** Bytes of the fpstate that a frame needs for an xstate of this length. */
export const fpstateSize = (xstateLength: number): number => xstateLength + FP_XSTATE_MAGIC2_SIZE;

/**
 * The fpstate of a signal frame: the state, with the software bytes that make rt_sigreturn restore all of it.
 * A state larger than the task's own buffer would silently be cut to x87 and SSE (arch/x86/kernel/fpu/signal.c), and
 * that buffer has no AMX tile data before the first use: unused, such a component is left out.
 */
export function encodeFpstate(xstate: Uint8Array, layout: XstateLayout): Uint8Array {
  assert(xstate.length >= XSTATE_MIN_LENGTH, `An xstate of ${xstate.length} bytes has no header`);
  const inUse = xstateBv(xstate);
  let xfeatures = xcr0Of(xstate);
  let length = xstate.length;
  for (const bit of DYNAMIC_FEATURES) {
    if (!has(xfeatures, bit) || has(inUse, bit)) continue;
    xfeatures = without(xfeatures, bit);
    length = xstateLayout(xfeatures, (one) => layout.components.get(one)).length;
  }
  const fpstate = new Uint8Array(fpstateSize(length));
  fpstate.set(xstate.subarray(0, length));
  const view = viewOf(fpstate);
  fpx_sw_bytes.set(view, SW_RESERVED_OFFSET, {
    magic1: FP_XSTATE_MAGIC1,
    extended_size: fpstateSize(length),
    xfeatures,
    xstate_size: length,
    padding: new Array(7).fill(0),
  });
  view.setUint32(length, FP_XSTATE_MAGIC2, true);
  return fpstate;
}

function readField(
  xsave: XsaveEntry,
  field: ArrayField,
  view: DataView,
  { offset, size }: XstateComponent,
): void {
  const words = isWide(field) ? array(u64, size / 8) : array(u32, size / 4);
  assert(offset + size <= view.byteLength, `The xstate ends before ${field}`);
  (xsave[field] as (number | bigint)[]) = words.get(view, offset);
}

/** An absent array leaves the component zero; one shorter than the component (reserved bytes left out) fills it. */
function writeField(
  view: DataView,
  field: ArrayField,
  values: readonly (number | bigint)[],
  { offset, size }: XstateComponent,
): void {
  const width = isWide(field) ? 8 : 4;
  if (values.length * width > size) {
    throw imageError(`xsave.${field} holds ${values.length} values, ${size / width} fit`);
  }
  values.forEach((value, i) => {
    if (width === 8) view.setBigUint64(offset + i * 8, BigInt(value), true);
    else view.setUint32(offset + i * 4, Number(value), true);
  });
}

function checkLength(field: string, values: readonly unknown[], length: number): void {
  if (values.length !== length) {
    throw imageError(`fpregs.${field} holds ${values.length} values, not ${length}`);
  }
}
