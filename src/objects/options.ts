/** What a user may say about how objects are saved and restored. Names and defaults are those of the options of criu(8). */

/** Files are compared by their size, and with 'buildid' ELF files by their build-id, too. */
export type FileValidation = 'filesize' | 'buildid';

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
  readonly fileValidation: FileValidation;
  /** The tree may be a job of a shell that is not in it, on a terminal whose other side is not in it. */
  readonly shellJob: boolean;
  /** Resources that are left out of the images: 'tty[8803:1a]'. */
  readonly external: readonly string[];
}

/** In a restore. */
export interface RestoreObjectOptions {
  readonly fileValidation: FileValidation;
  /** Files may have other permissions (rwx of user, group and others) than they had. */
  readonly skipFileRwxCheck: boolean;
  /** A job becomes one of our own session, on our terminal. */
  readonly shellJob: boolean;
}

export const DEFAULT_OBJECT_OPTIONS: ObjectOptions & RestoreObjectOptions = {
  ghostLimit: 1024 * 1024,
  ghostFiemap: false,
  linkRemap: false,
  fileLocks: false,
  fileValidation: 'buildid',
  skipFileRwxCheck: false,
  shellJob: false,
  external: [],
};
