/** What stands for things outside the tree: RESOURCE of `--external`, fd[N]:RESOURCE of `--inherit-fd`. criu(8). Pure. */
import { unsupported, usage } from '../support/errors.js';

/** A descriptor of ours that the restored tree gets in place of what it had. */
export interface InheritedFd {
  readonly fd: number;
  /** What it replaces: 'tty[8803:1a]', 'pipe[4711]', 'file[1b:230084]', or a path: '/var/log/x.log', '/memfd:name'. */
  readonly resource: string;
}

/** What external resources of other kinds belong to. */
const LATER: Readonly<Record<string, string>> = {
  mnt: 'mount namespaces',
  unix: 'unix sockets',
  socket: 'sockets',
  net: 'network namespaces',
  veth: 'network namespaces',
  macvlan: 'network namespaces',
  netdev: 'network namespaces',
  pid: 'pid namespaces',
};

/** 'pipe:[12]' is how /proc spells 'pipe[12]'. */
const RESOURCE = /^([a-z]+):?\[([^\]]*)\](?::(.*))?$/;
const HEX = '(?:0x)?[0-9a-fA-F]+';
const IDS: Readonly<Record<string, { readonly form: RegExp; readonly example: string }>> = {
  tty: { form: /^.+$/, example: 'tty[8803:1a]' },
  file: { form: new RegExp(`^${HEX}:${HEX}$`), example: 'file[1b:230084]' },
  pipe: { form: /^\d+$/, example: 'pipe[4711]' },
};
/** A block device that a mount needs, and its name in the images; at the restore that name, and a path. */
const BLOCK_DEVICE = /^dev\[[^\]]+\]:.+$/;
const EXAMPLES = Object.values(IDS).map(({ example }) => `'${example}'`);

/** The resource as images and objects spell it. Throws a usage error, or `unsupported` for kinds that are to come. */
export function externalResource(text: string): string {
  const [, kind = '', id = '', name] = RESOURCE.exec(text) ?? [];
  refuseLater(kind, text);
  if (BLOCK_DEVICE.test(text)) return text;
  const known = IDS[kind];
  if (known?.form.test(id) && name === undefined) return `${kind}[${id}]`;
  throw usage(`Option '--external' has the value '${text}', which names no resource`, {
    remedy: known
      ? `write it like --external '${known.example}'`
      : `what a dump can leave out is written like ${EXAMPLES.join(', ')}`,
  });
}

/** `fd[N]:RESOURCE`. */
export function parseInheritedFd(text: string): InheritedFd {
  const [, number, resource] = /^fd\[(\d+)\]:(.+)$/.exec(text) ?? [];
  if (number !== undefined && resource !== undefined) return { fd: Number(number), resource };
  throw usage(`Option '--inherit-fd' has the value '${text}'`, {
    remedy: `write it like --inherit-fd 'fd[9]:pipe[4711]'; other resources are ${EXAMPLES.join(', ')}, or a path`,
  });
}

/** The descriptors with their resources as images and objects spell them. Throws for a resource that is given twice. */
export function inheritedFds(given: readonly InheritedFd[]): InheritedFd[] {
  const known = new Map<string, InheritedFd>();
  for (const { fd, resource: text } of given) {
    if (!Number.isInteger(fd) || fd < 0) {
      throw usage(`'${text}' is to be descriptor ${fd}, which is no number of a descriptor`);
    }
    const resource = inheritedResource(text);
    const other = known.get(resource);
    if (other !== undefined) {
      throw usage(`descriptors ${other.fd} and ${fd} are both handed in for '${text}'`, {
        remedy: 'name each resource once in --inherit-fd',
      });
    }
    known.set(resource, { fd, resource });
  }
  return [...known.values()];
}

function inheritedResource(text: string): string {
  const [, kind = '', id = '', name] = RESOURCE.exec(text) ?? [];
  refuseLater(kind, text);
  if (IDS[kind]?.form.test(id) && name === undefined) return `${kind}[${id}]`;
  // criu(8) has paths begin below the root directory: without the slash.
  return text.startsWith('/') ? text : `/${text}`;
}

function refuseLater(kind: string, text: string): void {
  const feature = LATER[kind];
  if (feature === undefined) return;
  throw unsupported(`'${text}' belongs to ${feature}, which woodfrog cannot save yet`, {
    remedy: 'leave it out, if the program does not need it',
  });
}
