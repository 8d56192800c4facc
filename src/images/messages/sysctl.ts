/** A sysctl of a network device or namespace. */
import { enumeration, int32, message, optional, required, string } from '../schema.js';

export const SysctlType = enumeration('SysctlType', {
  CTL_STR: 5,
  CTL_32: 6,
});

export const sysctl_entry = message('sysctl_entry', () => ({
  type: required(1, SysctlType),
  iarg: optional(2, int32),
  sarg: optional(3, string),
}));
