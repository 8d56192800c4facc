/**
 * Options of CRIU 4.2 whose feature woodfrog does not have yet: known by name so that they are refused by name, never
 * ignored. When a feature is built its rows move to table.ts. A row's `accepts` lists the values that ask for exactly
 * what is done without the feature, and why that loses nothing stands beside it.
 */
import { flag, later, type OptionSpec, toggle, value } from './spec.js';

const SOCKETS: readonly OptionSpec[] = [
  ...later('TCP connections, which woodfrog cannot save yet', [
    toggle('tcp-established', 'dump restore', 'save and restore established TCP connections', {
      rpc: 'tcp_established',
    }),
    toggle('tcp-close', 'dump restore', 'restore TCP connections as closed', { rpc: 'tcp_close' }),
    toggle('skip-in-flight', 'dump restore', 'leave out connections not yet established', {
      rpc: 'tcp_skip_in_flight',
    }),
    // 'skip' asks for no lock. A lock guards saved connections only, and a dump that meets one is refused.
    value(
      'network-lock',
      'string MODE',
      'dump restore',
      'how to lock the network: iptables, nftables or skip',
      {
        rpc: 'network_lock',
        accepts: { dump: ['skip'], restore: ['skip'] },
      },
    ),
  ]),
  ...later('external unix sockets, which woodfrog cannot save yet', [
    value('ext-unix-sk', 'list [INODE]', 'dump restore', 'allow external unix sockets', {
      short: 'x',
      rpc: 'ext_unix_sk',
      hidden: true,
    }),
  ]),
];

const FILES: readonly OptionSpec[] = [
  ...later('the search for names of watched inodes, which woodfrog cannot make yet', [
    toggle('force-irmap', 'pre-dump dump', 'find the names of watched inodes by search', {
      rpc: 'force_irmap',
    }),
    value('irmap-scan-path', 'list PATH', 'pre-dump dump', 'where to search for watched inodes', {
      rpc: 'irmap_scan_paths',
    }),
  ]),
];

const NAMESPACES: readonly OptionSpec[] = [
  ...later('namespaces, which woodfrog cannot save yet', [
    value('root', 'path PATH', 'restore', 'root of the restored mount namespace', {
      short: 'r',
      rpc: 'root',
    }),
    value('join-ns', 'list NS:PID', 'restore', 'restore into an existing namespace', {
      short: 'J',
      rpc: 'join_ns',
    }),
    value('empty-ns', 'list NS', 'dump restore', 'do not save the contents of namespace NS', {
      rpc: 'empty_ns',
    }),
    toggle('weak-sysctls', 'restore', 'skip sysctls that this kernel lacks', {
      rpc: 'weak_sysctls',
    }),
    value('veth-pair', 'list IN=OUT', 'restore', 'names of veth devices', {
      rpc: 'veths',
      hidden: true,
    }),
  ]),
  ...later('mounts, which woodfrog cannot save yet', [
    value('skip-mnt', 'list PATH', 'dump', 'leave out the mount at PATH', { rpc: 'skip_mnt' }),
    value('enable-fs', 'list FS', 'dump', 'file systems to save without knowing them', {
      rpc: 'enable_fs',
    }),
    value('ext-mount-map', 'list KEY:VALUE', 'dump restore', 'external mounts', {
      short: 'M',
      rpc: 'ext_mnt',
      hidden: true,
    }),
    flag('enable-external-sharing', 'dump', 'external shared mounts', {
      rpc: 'ext_sharing',
      hidden: true,
    }),
    flag('enable-external-masters', 'dump', 'external master mounts', {
      rpc: 'ext_masters',
      hidden: true,
    }),
    toggle('mntns-compat-mode', 'restore', 'use the old way of restoring mounts', {
      rpc: 'mntns_compat_mode',
    }),
    value('lsm-mount-context', 'string CONTEXT', 'restore', 'new context= of mounts', {
      rpc: 'lsm_mount_context',
    }),
  ]),
];

const TASKS: readonly OptionSpec[] = [
  ...later('security modules, which woodfrog cannot restore yet', [
    value('lsm-profile', 'string TYPE:NAME', 'restore', 'profile of the restored tasks', {
      rpc: 'lsm_profile',
    }),
  ]),
  ...later('uprobes, which woodfrog cannot save yet', [
    toggle('allow-uprobes', 'dump restore', 'allow the mapping that uprobes leave'),
  ]),
  ...later('work without root, which woodfrog cannot do yet', [
    toggle('unprivileged', 'dump restore check', 'accept the limits of a user who is not root', {
      rpc: 'unprivileged',
    }),
  ]),
  ...later('action scripts, which woodfrog cannot run yet', [
    value('action-script', 'list FILE', 'dump restore pre-dump', 'run FILE at each stage'),
  ]),
  ...later('plug-ins, which woodfrog cannot load yet', [
    value('libdir', 'path PATH', 'dump restore', 'folder of plug-ins', { short: 'L' }),
  ]),
];

const MIGRATION: readonly OptionSpec[] = [
  ...later('incremental dumps, which woodfrog cannot make yet', [
    toggle('track-mem', 'dump pre-dump', 'track which pages change', { rpc: 'track_mem' }),
    value('prev-images-dir', 'path DIR', 'dump pre-dump', 'the images of the dump before', {
      rpc: 'parent_img',
    }),
    toggle('auto-dedup', 'dump restore pre-dump', 'drop pages from images when superseded', {
      rpc: 'auto_dedup',
    }),
    value('pre-dump-mode', 'string MODE', 'pre-dump', 'splice or read', { rpc: 'pre_dump_mode' }),
  ]),
  ...later('lazy pages, which woodfrog does not have yet', [
    flag('lazy-pages', 'dump restore page-server', 'fetch pages when they are touched', {
      rpc: 'lazy_pages',
    }),
  ]),
  ...later('image streaming, which woodfrog does not have yet', [
    toggle('stream', 'dump restore', 'stream the images'),
  ]),
  ...later('the page server and the service, which woodfrog does not have yet', [
    toggle('page-server', 'dump pre-dump', 'send pages to a page server', { rpc: 'ps' }),
    value('address', 'string ADDR', 'dump page-server service lazy-pages', 'address to use'),
    value('port', 'number PORT', 'dump page-server lazy-pages', 'port of the page server'),
    value('ps-socket', 'fd FD', 'dump page-server', 'a connected socket to use'),
    value('status-fd', 'fd FD', 'dump restore page-server service lazy-pages', 'say when ready', {
      rpc: 'status_fd',
    }),
    toggle('daemon', 'page-server service lazy-pages', 'go to the background when ready'),
  ]),
  ...later('encrypted transfers, which woodfrog does not have yet', [
    toggle('tls', 'dump page-server lazy-pages', 'use TLS', { rpc: 'tls' }),
    value('tls-cacert', 'path FILE', 'dump page-server lazy-pages', 'trusted authority', {
      rpc: 'tls_cacert',
    }),
    value('tls-cacrl', 'path FILE', 'dump page-server lazy-pages', 'revoked certificates', {
      rpc: 'tls_cacrl',
    }),
    value('tls-cert', 'path FILE', 'dump page-server lazy-pages', 'own certificate', {
      rpc: 'tls_cert',
    }),
    value('tls-key', 'path FILE', 'dump page-server lazy-pages', 'own private key', {
      rpc: 'tls_key',
    }),
    flag('tls-no-cn-verify', 'dump page-server lazy-pages', "do not check the peer's name", {
      rpc: 'tls_no_cn_verify',
    }),
  ]),
];

export const LATER_OPTIONS: readonly OptionSpec[] = [
  ...SOCKETS,
  ...FILES,
  ...NAMESPACES,
  ...TASKS,
  ...MIGRATION,
];
