/**
 * The targets of the links in /proc/PID/ns: 'net:[4026531840]'. namespaces(7): same number, same
 * namespace.
 */
import { refused } from '../../support/errors.js';
import { parsePseudoFile } from './fd-link.js';

export const NAMESPACE_TYPES = [
  'cgroup',
  'ipc',
  'mnt',
  'net',
  'pid',
  'time',
  'user',
  'uts',
] as const;
export type NamespaceType = (typeof NAMESPACE_TYPES)[number];

export interface NamespaceLink {
  type: NamespaceType;
  inode: bigint;
}

/** pid_for_children and time_for_children name the type, too, not the link. */
export function parseNamespaceLink(target: string): NamespaceLink {
  const link = asNamespaceLink(target);
  if (link === undefined) {
    throw refused(`/proc/PID/ns has a link that cannot be read: ${JSON.stringify(target)}`);
  }
  return link;
}

/** The same for any link, such as one in /proc/PID/fd: undefined when it leads to no namespace. */
export function asNamespaceLink(target: string): NamespaceLink | undefined {
  const pseudo = parsePseudoFile(target);
  const type = NAMESPACE_TYPES.find((each) => each === pseudo?.type);
  return pseudo === undefined || type === undefined ? undefined : { type, inode: pseudo.inode };
}
