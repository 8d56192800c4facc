/**
 * What CPUID says of a processor, as the words of cpuinfo_x86_entry.capability: 19 of them, each one register of a
 * leaf, bit by bit. Names are those of /proc/cpuinfo. A feature with '*' adds instructions that programs use, or a
 * register that they write: one who found it at its start needs it to the end. Intel SDM vol. 2 (CPUID), AMD APM vol. 3.
 */

/** Where a word comes from, and the names of its bits from 0 on; '-' is no feature. */
interface FeatureWord {
  readonly leaf: number;
  readonly subleaf?: number;
  readonly register: 'eax' | 'ebx' | 'ecx' | 'edx';
  readonly names: string;
}

/** By index in `capability`. Words that are missing here are not asked of any x86-64 processor, and 0. */
export const FEATURE_WORDS: Readonly<Record<number, FeatureWord>> = {
  0: {
    leaf: 1,
    register: 'edx',
    names: `fpu* vme de pse tsc* msr pae mce cx8* apic - sep mtrr pge mca cmov* pat pse36 pn clflush* - dts acpi mmx*
      fxsr* sse* sse2* ss ht tm ia64 pbe`,
  },
  1: {
    leaf: 0x8000_0001,
    register: 'edx',
    names: `- - - - - - - - - - - syscall - - - - - - - mp nx - mmxext - - fxsr_opt pdpe1gb rdtscp* - lm
      3dnowext* 3dnow*`,
  },
  4: {
    leaf: 1,
    register: 'ecx',
    names: `pni* pclmulqdq* dtes64 monitor ds_cpl vmx smx est tm2 ssse3* cid sdbg fma* cx16* xtpr pdcm - pcid dca
      sse4_1* sse4_2* x2apic movbe* popcnt* tsc_deadline_timer aes* xsave* osxsave* avx* f16c* rdrand* hypervisor`,
  },
  6: {
    leaf: 0x8000_0001,
    register: 'ecx',
    names: `lahf_lm* cmp_legacy svm extapic cr8_legacy abm* sse4a* misalignsse 3dnowprefetch* osvw ibs xop* skinit wdt -
      lwp* fma4* tce - nodeid_msr - tbm* topoext perfctr_core perfctr_nb - bpext ptsc perfctr_llc mwaitx* - -`,
  },
  9: {
    leaf: 7,
    register: 'ebx',
    names: `fsgsbase* tsc_adjust sgx bmi1* hle* avx2* fdp_excptn_only smep bmi2* erms invpcid rtm* cqm zero_fcs_fds mpx*
      rdt_a avx512f* avx512dq* rdseed* adx* smap avx512ifma* - clflushopt* clwb* intel_pt avx512pf* avx512er*
      avx512cd* sha_ni* avx512bw* avx512vl*`,
  },
  10: { leaf: 0xd, subleaf: 1, register: 'eax', names: 'xsaveopt* xsavec* xgetbv1* xsaves xfd' },
  11: {
    leaf: 7,
    register: 'ecx',
    names: `prefetchwt1 avx512vbmi* umip pku ospke* waitpkg* avx512_vbmi2* shstk gfni* vaes* vpclmulqdq* avx512_vnni*
      avx512_bitalg* tme avx512_vpopcntdq* - la57 - - - - - rdpid* key_locker bus_lock_detect cldemote - movdiri*
      movdir64b* enqcmd* sgx_lc pks`,
  },
  12: {
    leaf: 0xf,
    subleaf: 1,
    register: 'edx',
    names: 'cqm_occup_llc cqm_mbm_total cqm_mbm_local',
  },
  13: {
    leaf: 0x8000_0008,
    register: 'ebx',
    names: `clzero* irperf xsaveerptr - rdpru* - - - - wbnoinvd - - amd_ibpb - amd_ibrs amd_stibp -
      amd_stibp_always_on - - - - - amd_ppin amd_ssbd virt_ssbd amd_ssb_no cppc amd_psfd btc_no ibpb_ret brs`,
  },
  14: {
    leaf: 6,
    register: 'eax',
    names: 'dtherm ida arat - pln - pts hwp hwp_notify hwp_act_window hwp_epp hwp_pkg_req',
  },
  15: {
    leaf: 0x8000_000a,
    register: 'edx',
    names: `npt lbrv svm_lock nrip_save tsc_scale vmcb_clean flushbyasid decodeassists - - pausefilter - pfthreshold avic -
      v_vmsave_vmload vgif`,
  },
  16: { leaf: 0xf, register: 'edx', names: '- cqm_llc' },
  17: { leaf: 0x8000_0007, register: 'ebx', names: 'overflow_recov succor - smca' },
  18: {
    leaf: 7,
    register: 'edx',
    names: `- - avx512_4vnniw* avx512_4fmaps* fsrm uintr* - - avx512_vp2intersect* srbds_ctrl md_clear rtm_always_abort -
      tsx_force_abort serialize* hybrid_cpu tsxldtrk* - pconfig arch_lbr ibt - amx_bf16* avx512_fp16* amx_tile*
      amx_int8* spec_ctrl intel_stibp flush_l1d arch_capabilities core_capabilities spec_ctrl_ssbd`,
  },
};

/** Words of our own, which the format has no place for: cpuinfo_x86_entry.further_capability. */
export const FURTHER_WORDS: Readonly<Record<number, FeatureWord>> = {
  0: {
    leaf: 7,
    subleaf: 1,
    register: 'eax',
    names: `sha512* sm3* sm4* rao_int* avx_vnni* avx512_bf16* lass cmpccxadd* arch_perfmon_ext - fzrm* fsrs fsrc - - - - fred
      lkgs wrmsrns nmi_src amx_fp16* hreset avx_ifma* - - lam msrlist - - - movrs*`,
  },
  1: {
    leaf: 7,
    subleaf: 1,
    register: 'edx',
    names:
      '- - - - avx_vnni_int8* avx_ne_convert* - - amx_complex* - avx_vnni_int16* - - utmr* prefetchi - - - - avx10* - apx_f*',
  },
};

export const CAPABILITY_WORDS = 19;
export const CAPABILITY_VERSION = 2;

/** The names of the bits that are set in `bits`, of instructions alone if asked so. */
export function featureNames(
  word: { readonly names: string } | undefined,
  bits: number,
  { instructionsOnly = false } = {},
): string[] {
  const names = word?.names.split(/\s+/) ?? [];
  const found: string[] = [];
  for (let bit = 0; bit < 32; bit++) {
    if (((bits >>> bit) & 1) === 0) continue;
    const name = names[bit] ?? '-';
    if (instructionsOnly && !name.endsWith('*')) continue;
    found.push(name === '-' ? `bit ${bit}` : name.replace('*', ''));
  }
  return found;
}
