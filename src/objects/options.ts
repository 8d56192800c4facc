/** What a user may say about how objects are saved and restored. Names and defaults are those of the options of criu(8). */

/** Files are compared by their size, and with 'buildid' ELF files by their build-id, too. */
export type FileValidation = 'filesize' | 'buildid';

/** What a restore does about cgroups, and their properties: criu(8), --manage-cgroups. 'ignore': nothing, in a dump, too. */
export type CgroupMode = 'ignore' | 'none' | 'props' | 'soft' | 'full' | 'strict';

export interface CgroupOptions {
  /** Left out: cgroups are saved; at a restore tasks go back to those that are there still, all of which must be. */
  readonly mode?: CgroupMode;
  /** Another root, for one controller, or for all that no other root is for. */
  readonly roots: readonly { readonly controller?: string; readonly path: string }[];
  /** Only these are saved; all, if there is none. */
  readonly controllers: readonly string[];
  /** Which files of a controller's cgroups are saved: in place of those that are known here, or beside them. */
  readonly properties: readonly {
    readonly controller: string;
    readonly strategy: 'merge' | 'replace';
    readonly properties: readonly string[];
  }[];
  /** A folder with one for each hierarchy, by its controllers' names, 'systemd' or 'unified', instead of our mounts. */
  readonly yard?: string;
}

/** In a dump. */
export interface ObjectOptions {
  /** A deleted file that takes more storage than this, in bytes, is refused. */
  readonly ghostLimit: number;
  /** The holes of deleted files are found by FIEMAP, not by SEEK_HOLE. */
  readonly ghostFiemap: boolean;
  /** A file whose name is gone, while others lead to it, may be given a name beside the one it had. */
  readonly linkRemap: boolean;
  /** File locks and leases are saved. */
  readonly fileLocks: boolean;
  readonly cgroups: CgroupOptions;
  readonly fileValidation: FileValidation;
  /** The tree may be a job of a shell that is not in it, on a terminal whose other side is not in it. */
  readonly shellJob: boolean;
  /** Resources that are left out of the images: 'tty[8803:1a]'. */
  readonly external: readonly string[];
  /** A device whose path does not lead to it any more is saved by another of its paths. */
  readonly evasiveDevices: boolean;
}

/** In a restore. */
export interface RestoreObjectOptions {
  readonly fileValidation: FileValidation;
  /** Files may have other permissions (rwx of user, group and others) than they had. */
  readonly skipFileRwxCheck: boolean;
  /** A job becomes one of our own session, on our terminal. */
  readonly shellJob: boolean;
  /** A device that is not at its path is opened at another. */
  readonly evasiveDevices: boolean;
  readonly cgroups: CgroupOptions;
}

export const DEFAULT_OBJECT_OPTIONS: ObjectOptions & RestoreObjectOptions = {
  ghostLimit: 1024 * 1024,
  ghostFiemap: false,
  linkRemap: false,
  fileLocks: false,
  cgroups: { roots: [], controllers: [], properties: [] },
  fileValidation: 'buildid',
  skipFileRwxCheck: false,
  shellJob: false,
  external: [],
  evasiveDevices: false,
};
