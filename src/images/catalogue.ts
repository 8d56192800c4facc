/**
 * Every image of the format: file name, magic, message, number of entries, payload. The facts, and nothing else.
 * Images that hold what newer dumps keep elsewhere are listed, too: they are read, never written.
 */
import { viewOf } from '../support/bytes.js';
import {
  IMG_SERVICE_MAGIC,
  type Image,
  type ImageId,
  type Layout,
  listed,
  many,
  one,
  pagemap,
  parseImageId,
  prefixed,
  raw,
} from './image.js';
import { apparmor_entry } from './messages/apparmor.js';
import { autofs_entry } from './messages/autofs.js';
import { binfmt_misc_entry } from './messages/binfmt-misc.js';
import { bpfmap_data_entry } from './messages/bpfmap-data.js';
import { bpfmap_file_entry } from './messages/bpfmap-file.js';
import { cgroup_entry } from './messages/cgroup.js';
import { core_entry, task_kobj_ids_entry } from './messages/core.js';
import { cpuinfo_entry } from './messages/cpuinfo.js';
import { creds_entry } from './messages/creds.js';
import { eventfd_file_entry } from './messages/eventfd.js';
import { eventpoll_file_entry, eventpoll_tfd_entry } from './messages/eventpoll.js';
import { ext_file_entry } from './messages/ext-file.js';
import { fdinfo_entry, file_entry } from './messages/fdinfo.js';
import { irmap_cache_entry } from './messages/fh.js';
import { fifo_entry } from './messages/fifo.js';
import { file_lock_entry } from './messages/file-lock.js';
import { fs_entry } from './messages/fs.js';
import {
  fanotify_file_entry,
  fanotify_mark_entry,
  inotify_file_entry,
  inotify_wd_entry,
} from './messages/fsnotify.js';
import { ghost_chunk_entry, ghost_file_entry } from './messages/ghost-file.js';
import { inventory_entry } from './messages/inventory.js';
import { ipc_msg, ipc_msg_entry } from './messages/ipc-msg.js';
import { ipc_sem_entry } from './messages/ipc-sem.js';
import { ipc_shm_entry } from './messages/ipc-shm.js';
import { ipc_var_entry } from './messages/ipc-var.js';
import { memfd_inode_entry } from './messages/memfd.js';
import { mm_entry } from './messages/mm.js';
import { mnt_entry } from './messages/mnt.js';
import { net_device_entry, netns_entry } from './messages/netdev.js';
import { ns_file_entry } from './messages/ns.js';
import { packet_sock_entry } from './messages/packet-sock.js';
import { pagemap_head } from './messages/pagemap.js';
import { pidfd_entry } from './messages/pidfd.js';
import { pidns_entry } from './messages/pidns.js';
import { pipe_entry } from './messages/pipe.js';
import { pipe_data_entry } from './messages/pipe-data.js';
import { pstree_entry } from './messages/pstree.js';
import { reg_file_entry } from './messages/regfile.js';
import { remap_file_path_entry } from './messages/remap-file-path.js';
import { rlimit_entry } from './messages/rlimit.js';
import { sa_entry } from './messages/sa.js';
import { seccomp_entry } from './messages/seccomp.js';
import { siginfo_entry } from './messages/siginfo.js';
import { signalfd_entry } from './messages/signalfd.js';
import { inet_sk_entry } from './messages/sk-inet.js';
import { netlink_sk_entry } from './messages/sk-netlink.js';
import { sk_packet_entry } from './messages/sk-packet.js';
import { unix_sk_entry } from './messages/sk-unix.js';
import { stats_entry } from './messages/stats.js';
import { tcp_stream_entry } from './messages/tcp-stream.js';
import { timens_entry } from './messages/timens.js';
import { itimer_entry, posix_timer_entry } from './messages/timer.js';
import { timerfd_entry } from './messages/timerfd.js';
import { tty_data_entry, tty_file_entry, tty_info_entry } from './messages/tty.js';
import { tunfile_entry } from './messages/tun.js';
import { userns_entry } from './messages/userns.js';
import { utsns_entry } from './messages/utsns.js';
import { vma_entry } from './messages/vma.js';
import type { MessageValue } from './schema.js';

const NOTHING: Layout = { blocks: [] };

const pipeContent = ({ bytes }: MessageValue<typeof pipe_data_entry>): Layout => ({
  blocks: [{ name: 'extra', length: bytes }],
});

/** Whole, to the end of the image; or, for a file with holes, in chunks. */
const ghostContent = ({ chunks }: MessageValue<typeof ghost_file_entry>): Layout => {
  if (!chunks) return { blocks: [{ name: 'extra', length: undefined }] };
  const blocks = ({ len }: MessageValue<typeof ghost_chunk_entry>) => [
    { name: 'extra', length: len },
  ];
  return { blocks: [], records: { message: ghost_chunk_entry, count: undefined, blocks } };
};

const queuedMessages = ({ qnum }: MessageValue<typeof ipc_msg_entry>): Layout => ({
  blocks: [],
  records: {
    message: ipc_msg,
    count: qnum,
    blocks: ({ msize }: MessageValue<typeof ipc_msg>) => [
      { name: 'extra', length: msize, padTo: 8 },
    ],
  },
});

const segmentContent = ({ size, in_pagemaps }: MessageValue<typeof ipc_shm_entry>): Layout =>
  in_pagemaps ? NOTHING : { blocks: [{ name: 'extra', length: size, padTo: 4 }] };

export const IMAGES = listed({
  APPARMOR: one('apparmor.img', 0x5942_3047, apparmor_entry),
  AUTOFS: many('autofs-%u.img', 0x4935_3943, autofs_entry),
  BINFMT_MISC: many('binfmt-misc.img', 0x6734_3323, binfmt_misc_entry),
  BINFMT_MISC_OLD: many('binfmt-misc-%u.img', 0x6734_3323, binfmt_misc_entry),
  BPFMAP_DATA: many('bpfmap-data.img', 0x6432_4033, bpfmap_data_entry, (entry) => ({
    blocks: [
      { name: 'keys', length: entry.keys_bytes },
      { name: 'values', length: entry.values_bytes },
    ],
  })),
  BPFMAP_FILE: many('bpfmap-file.img', 0x5750_6142, bpfmap_file_entry),
  CGROUP: one('cgroup.img', 0x5938_3330, cgroup_entry),
  CORE: one('core-%u.img', 0x5505_3847, core_entry),
  CPUINFO: one('cpuinfo.img', 0x6140_4013, cpuinfo_entry),
  CREDS: one('creds-%u.img', 0x5402_3547, creds_entry),
  EVENTFD_FILE: many('eventfd.img', 0x4452_3722, eventfd_file_entry),
  EVENTPOLL_FILE: many('eventpoll.img', 0x4502_3858, eventpoll_file_entry),
  EVENTPOLL_TFD: many('eventpoll-tfd.img', 0x4443_3746, eventpoll_tfd_entry),
  EXT_FILES: many('ext-files.img', 0x5925_5641, ext_file_entry),
  FANOTIFY_FILE: many('fanotify.img', 0x5509_6122, fanotify_file_entry),
  FANOTIFY_MARK: many('fanotify-mark.img', 0x5650_6035, fanotify_mark_entry),
  FDINFO: many('fdinfo-%u.img', 0x5621_3732, fdinfo_entry),
  FIFO: many('fifo.img', 0x5836_4939, fifo_entry),
  FIFO_DATA: many('fifo-data.img', 0x5933_3054, pipe_data_entry, pipeContent),
  FILES: many('files.img', 0x5630_3138, file_entry),
  FILE_LOCKS: many('filelocks.img', 0x5432_3616, file_lock_entry),
  FS: one('fs-%u.img', 0x5140_3912, fs_entry),
  GHOST_FILE: one('ghost-file-%x.img', 0x5258_3605, ghost_file_entry, ghostContent),
  IDS: one('ids-%u.img', 0x5443_2030, task_kobj_ids_entry),
  IFADDR: raw('ifaddr-%u.img'),
  INETSK: many('inetsk.img', 0x5644_3851, inet_sk_entry),
  INOTIFY_FILE: many('inotify.img', 0x4842_4431, inotify_file_entry),
  INOTIFY_WD: many('inotify-wd.img', 0x5456_2009, inotify_wd_entry),
  INVENTORY: prefixed(undefined, one('inventory.img', 0x5831_3116, inventory_entry)),
  IP6TABLES: raw('ip6tables-%u.img'),
  IPCNS_MSG: many('ipcns-msg-%u.img', 0x5545_3737, ipc_msg_entry, queuedMessages),
  IPCNS_SEM: many('ipcns-sem-%u.img', 0x5957_3019, ipc_sem_entry, (entry) => ({
    blocks: [{ name: 'extra', length: entry.nsems * 2, padTo: 8 }],
  })),
  IPCNS_SHM: many('ipcns-shm-%u.img', 0x4628_3044, ipc_shm_entry, segmentContent),
  IPC_VAR: one('ipcns-var-%u.img', 0x5311_5007, ipc_var_entry),
  IPTABLES: raw('iptables-%u.img'),
  IRMAP_CACHE: prefixed(IMG_SERVICE_MAGIC, many('irmap-cache', 0x5700_4059, irmap_cache_entry)),
  ITIMERS: many('itimers-%u.img', 0x5746_4056, itimer_entry),
  MEMFD_INODE: many('memfd.img', 0x4845_3499, memfd_inode_entry),
  MM: one('mm-%u.img', 0x5749_2820, mm_entry),
  MNTS: many('mountpoints-%u.img', 0x5556_3928, mnt_entry),
  NETDEV: many('netdev-%u.img', 0x5737_3951, net_device_entry),
  NETLINK_SK: many('netlinksk.img', 0x5800_5614, netlink_sk_entry),
  NETNF_CT: raw('netns-ct-%u.img'),
  NETNF_EXP: raw('netns-exp-%u.img'),
  NETNS: one('netns-%u.img', 0x5593_3752, netns_entry),
  NFTABLES: raw('nftables-%u.img'),
  NS_FILES: many('ns-files.img', 0x6139_4011, ns_file_entry),
  PACKETSK: many('packetsk.img', 0x6045_4618, packet_sock_entry),
  PAGEMAP: pagemap('pagemap-%lu.img', 0x5608_4025, pagemap_head),
  PAGES: raw('pages-%u.img'),
  // Of very old images: named like PAGES, told apart by the magic.
  PAGES_OLD: raw('pages-%d.img', 0x5608_4025),
  PIDFD: many('pidfd.img', 0x5443_5556, pidfd_entry),
  PIDNS: one('pidns-%u.img', 0x6115_7326, pidns_entry),
  PIPES: many('pipes.img', 0x5651_3555, pipe_entry),
  PIPES_DATA: many('pipes-data.img', 0x5645_3709, pipe_data_entry, pipeContent),
  POSIX_TIMERS: many('posix-timers-%u.img', 0x5260_3957, posix_timer_entry),
  PSIGNAL: many('signal-p-%u.img', 0x5925_5647, siginfo_entry),
  PSTREE: many('pstree.img', 0x5027_3030, pstree_entry),
  REG_FILES: many('reg-files.img', 0x5036_3636, reg_file_entry),
  REMAP_FPATH: many('remap-fpath.img', 0x5913_3954, remap_file_path_entry),
  RLIMIT: many('rlimit-%u.img', 0x5711_3925, rlimit_entry),
  ROUTE: raw('route-%u.img'),
  ROUTE6: raw('route6-%u.img'),
  RULE: raw('rule-%u.img'),
  SECCOMP: one('seccomp.img', 0x6441_3049, seccomp_entry),
  SHMEM_PAGEMAP: pagemap('pagemap-shmem-%lu.img', 0x5608_4025, pagemap_head),
  SHM_PAGES_OLD: raw('pages-shmem-%ld.img', 0x5608_4025),
  SIGACT: many('sigacts-%u.img', 0x5534_4201, sa_entry),
  SIGNAL: many('signal-s-%u.img', 0x5925_5647, siginfo_entry),
  SIGNALFD: many('signalfd.img', 0x5732_3820, signalfd_entry),
  SK_QUEUES: many('sk-queues.img', 0x5626_4026, sk_packet_entry, (entry) => ({
    blocks: [{ name: 'extra', length: entry.length }],
  })),
  STATS: prefixed(IMG_SERVICE_MAGIC, one('stats-%s', 0x5709_3306, stats_entry)),
  TCP_STREAM: one('tcp-stream-%x.img', 0x5146_5506, tcp_stream_entry, (entry) => ({
    blocks: [
      { name: 'inq', length: entry.inq_len },
      { name: 'outq', length: entry.outq_len },
    ],
  })),
  TIMENS: one('timens-%u.img', 0x4311_4433, timens_entry),
  TIMERFD: many('timerfd.img', 0x5049_3712, timerfd_entry),
  TMPFS_DEV: raw('tmpfs-dev-%u.tar.gz.img'),
  TMPFS_IMG: raw('tmpfs-%u.tar.gz.img'),
  TTY_DATA: many('tty-data.img', 0x5941_3026, tty_data_entry),
  TTY_FILES: many('tty.img', 0x5943_3025, tty_file_entry),
  TTY_INFO: many('tty-info.img', 0x5945_3036, tty_info_entry),
  TUNFILE: many('tunfile.img', 0x5714_3751, tunfile_entry),
  UNIXSK: many('unixsk.img', 0x5437_3943, unix_sk_entry),
  USERNS: one('userns-%u.img', 0x5547_4906, userns_entry),
  UTSNS: one('utsns-%u.img', 0x5447_3203, utsns_entry),
  VMAS: many('vmas-%u.img', 0x5412_3737, vma_entry),
});

/** By the part of their file name that is the same for all of a kind: 'core-', or the whole name. */
const byStem = new Map<string, Image>();
for (const image of Object.values(IMAGES) as Image[]) {
  const [stem = ''] = image.pattern.split('%');
  // PAGES comes before PAGES_OLD, which has the same names.
  if (!byStem.has(stem)) byStem.set(stem, image);
}

/** Which image a file of an image directory is; undefined when it is none. */
export function identifyImage(name: string): { image: Image; id: ImageId } | undefined {
  const image = byStem.get(name) ?? byStem.get(name.slice(0, name.lastIndexOf('-') + 1));
  const id = image ? parseImageId(image, name) : null;
  return image && id !== null ? { image, id } : undefined;
}

/** Images that share a magic share the name crit gives it. */
const MAGIC_NAMES: Readonly<Record<string, keyof typeof IMAGES>> = {
  BINFMT_MISC_OLD: 'BINFMT_MISC',
  PAGES_OLD: 'PAGEMAP',
  PSIGNAL: 'SIGNAL',
  SHMEM_PAGEMAP: 'PAGEMAP',
  SHM_PAGES_OLD: 'PAGEMAP',
};

/** What crit calls the image's magic: 'PAGEMAP' for shared memory's, too. */
export const magicName = ({ key }: Image): string => MAGIC_NAMES[key] ?? key;

/** The image whose magic crit calls this. */
export const imageOfMagicName = (name: string): Image | undefined =>
  Object.hasOwn(IMAGES, name) && !Object.hasOwn(MAGIC_NAMES, name)
    ? (IMAGES[name as keyof typeof IMAGES] as Image)
    : undefined;

/** Which image begins with these bytes, of which eight suffice; undefined for raw ones and anything else. */
export function identifyHeader(header: Uint8Array): Image | undefined {
  const words = [0, 4].map((at) =>
    header.length < at + 4 ? undefined : viewOf(header).getUint32(at, true),
  );
  return (Object.values(IMAGES) as Image[]).find(
    (image) =>
      image.magic !== 0 &&
      magicName(image) === image.key &&
      (image.prefix === undefined
        ? words[0] === image.magic
        : words[0] === image.prefix && words[1] === image.magic),
  );
}
