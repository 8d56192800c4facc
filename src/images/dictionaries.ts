/** Names of flag bits and of values, as people see them. Which field uses which table is said where it is declared. */

/** By the name that a field's `flags` option gives; listed in the order in which names are shown. */
export const FLAG_NAMES: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'mmap.prot': {
    PROT_READ: 1,
    PROT_WRITE: 2,
    PROT_EXEC: 4,
  },
  'mmap.flags': {
    MAP_SHARED: 1,
    MAP_PRIVATE: 2,
    MAP_DROPPABLE: 8,
    MAP_ANON: 0x20,
    MAP_GROWSDOWN: 0x100,
  },
  'mmap.status': {
    VMA_AREA_NONE: 0,
    VMA_AREA_REGULAR: 1,
    VMA_AREA_STACK: 2,
    VMA_AREA_VSYSCALL: 4,
    VMA_AREA_VDSO: 8,
    VMA_AREA_HEAP: 0x20,
    VMA_FILE_PRIVATE: 0x40,
    VMA_FILE_SHARED: 0x80,
    VMA_ANON_SHARED: 0x100,
    VMA_ANON_PRIVATE: 0x200,
    VMA_AREA_SYSVIPC: 0x400,
    VMA_AREA_SOCKET: 0x800,
    VMA_AREA_VVAR: 0x1000,
    VMA_AREA_AIORING: 0x2000,
    VMA_AREA_MEMFD: 0x4000,
    VMA_AREA_SHSTK: 0x8000,
    VMA_AREA_UPROBES: 0x20000,
    VMA_UNSUPP: 0x80000000,
    VMA_AREA_GUARD: 0x10000,
    VMA_EXT_PLUGIN: 0x8000000,
  },
  'rfile.flags': {
    O_WRONLY: 1,
    O_RDWR: 2,
    O_CREAT: 0x40,
    O_EXCL: 0x80,
    O_NOCTTY: 0x100,
    O_TRUNC: 0x200,
    O_APPEND: 0x400,
    O_NONBLOCK: 0x800,
    O_DSYNC: 0x1000,
    FASYNC: 0x2000,
    O_DIRECT: 0x4000,
    O_LARGEFILE: 0x8000,
    O_DIRECTORY: 0x10000,
    O_NOFOLLOW: 0x20000,
    O_NOATIME: 0x40000,
    O_CLOEXEC: 0x80000,
  },
  'pmap.flags': {
    PE_PARENT: 1,
    PE_LAZY: 2,
    PE_PRESENT: 4,
  },
  'seals.flags': {
    F_SEAL_SEAL: 1,
    F_SEAL_SHRINK: 2,
    F_SEAL_GROW: 4,
    F_SEAL_WRITE: 8,
    F_SEAL_FUTURE_WRITE: 0x10,
  },
};

/** By the name that a field's `dict` option gives, then by the field's own name. */
export const VALUE_NAMES: Readonly<
  Record<string, Readonly<Record<string, Readonly<Record<number, string>>>>>
> = {
  gen: {
    task_state: {
      1: 'Alive',
      3: 'Zombie',
      6: 'Stopped',
    },
  },
  sk: {
    family: {
      1: 'UNIX',
      2: 'INET',
      10: 'INET6',
      16: 'NETLINK',
      17: 'PACKET',
    },
    type: {
      1: 'STREAM',
      2: 'DGRAM',
      3: 'RAW',
      5: 'SEQPACKET',
      10: 'PACKET',
    },
    state: {
      1: 'ESTABLISHED',
      2: 'SYN_SENT',
      3: 'SYN_RECV',
      4: 'FIN_WAIT1',
      5: 'FIN_WAIT2',
      6: 'TIME_WAIT',
      7: 'CLOSE',
      8: 'CLOSE_WAIT',
      9: 'LAST_ACK',
      10: 'LISTEN',
    },
    proto: {
      0: 'IP',
      6: 'TCP',
      17: 'UDP',
      136: 'UDPLITE',
    },
  },
};
