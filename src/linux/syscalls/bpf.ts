/** bpf(2): one system call for all of it. */
import { data, oneOf, syscall, uint } from '../syscall.js';
import { bpfCommands } from '../uapi/bpf.js';

/** `attr`: the part of union bpf_attr that belongs to the command, of `size` bytes. */
export const bpf = syscall('bpf', { cmd: oneOf(bpfCommands), attr: data, size: uint }, 'value');
/** Those that return a descriptor: BPF_MAP_CREATE, BPF_*_GET_FD_BY_ID. */
export const bpfFd = syscall('bpf', { cmd: oneOf(bpfCommands), attr: data, size: uint }, 'fd');
