/** Which kind claims an open file: the declared discriminants of all kinds, as one table without ambiguity. */
import { decodeDev } from '../../linux/procfs/devices.js';
import { S_IFBLK, S_IFCHR } from '../../linux/uapi/fcntl.js';
import { assert } from '../../support/assert.js';
import { toNumber } from '../../support/bytes.js';
import type { DescriptionView, FileDiscriminant } from '../kinds.js';
import { toType } from './named.js';

export interface Recognizable {
  readonly name: string;
  readonly recognize: readonly FileDiscriminant[];
}

type Facts = Pick<DescriptionView, 'link' | 'stat'>;

export class Recognizer<T extends Recognizable> {
  private readonly claims = new Map<string, T>();

  constructor(kinds: readonly T[]) {
    for (const kind of kinds) {
      for (const discriminant of kind.recognize) {
        const key = keyOf(discriminant);
        const other = this.claims.get(key);
        assert(other === undefined, `'${kind.name}' and '${other?.name}' both claim ${key}`);
        this.claims.set(key, kind);
      }
    }
  }

  /** The most specific claim: a device by its number, then by its driver, then by being a device. */
  find(facts: Facts): T | undefined {
    for (const key of keysOf(facts)) {
      const kind = this.claims.get(key);
      if (kind) return kind;
    }
    return undefined;
  }
}

function keyOf(discriminant: FileDiscriminant): string {
  if ('anonInode' in discriminant) return `anon_inode:${discriminant.anonInode}`;
  if ('pseudo' in discriminant) return `${discriminant.pseudo}:[]`;
  if ('memfd' in discriminant) return 'memfd';
  const { fileType, device } = discriminant;
  return ['type', fileType, ...(device ?? [])].join(' ');
}

function keysOf({ link, stat }: Facts): string[] {
  switch (link.kind) {
    case 'anon':
      return [`anon_inode:${link.name}`];
    case 'pseudo':
      return [`${link.type}:[]`];
    case 'memfd':
      return ['memfd'];
    case 'unknown':
      return [];
    default: {
      const type = toType(stat);
      if (type !== S_IFCHR && type !== S_IFBLK) return [`type ${type}`];
      const { major, minor } = decodeDev(toNumber(stat.rdev));
      return [`type ${type} ${major} ${minor}`, `type ${type} ${major}`, `type ${type}`];
    }
  }
}
