/** What the processor offered where the dump was taken. */
import {
  enumeration,
  message,
  optional,
  repeated,
  required,
  string,
  uint32,
  uint64,
} from '../schema.js';

export const cpuinfo_x86_entry_vendor = enumeration('cpuinfo_x86_entry.vendor', {
  UNKNOWN: 0,
  INTEL: 1,
  AMD: 2,
});

export const cpuinfo_ppc64_entry_endianness = enumeration('cpuinfo_ppc64_entry.endianness', {
  BIGENDIAN: 0,
  LITTLEENDIAN: 1,
});

export const cpuinfo_x86_entry = message('cpuinfo_x86_entry', () => ({
  vendor_id: required(1, cpuinfo_x86_entry_vendor),
  cpu_family: required(2, uint32),
  model: required(3, uint32),
  stepping: required(4, uint32),
  capability_ver: required(5, uint32),
  capability: repeated(6, uint32),
  model_id: optional(7, string),
  xfeatures_mask: optional(8, uint64),
  xsave_size: optional(9, uint32),
  xsave_size_max: optional(10, uint32),
  /** Ours: CPUID leaf 7, subleaf 1, eax and edx. */
  further_capability: repeated(20000, uint32),
}));

export const cpuinfo_ppc64_entry = message('cpuinfo_ppc64_entry', () => ({
  endian: required(1, cpuinfo_ppc64_entry_endianness),
  hwcap: repeated(2, uint64),
}));

export const cpuinfo_s390_entry = message('cpuinfo_s390_entry', () => ({
  hwcap: repeated(2, uint64),
}));

export const cpuinfo_entry = message('cpuinfo_entry', () => ({
  x86_entry: repeated(1, cpuinfo_x86_entry),
  ppc64_entry: repeated(2, cpuinfo_ppc64_entry),
  s390_entry: repeated(3, cpuinfo_s390_entry),
}));
