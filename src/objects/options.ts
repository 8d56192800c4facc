/** What a user may say about how objects are saved. Names and defaults are those of the options of criu(8). */
export interface ObjectOptions {
  /** A deleted file that takes more storage than this, in bytes, is refused. */
  readonly ghostLimit: number;
  /** The holes of deleted files are found by FIEMAP, not by SEEK_HOLE. */
  readonly ghostFiemap: boolean;
  /** A file whose name is gone, while others lead to it, may be given a name beside the one it had. */
  readonly linkRemap: boolean;
  /** File locks and leases are saved. */
  readonly fileLocks: boolean;
}

export const DEFAULT_OBJECT_OPTIONS: ObjectOptions = {
  ghostLimit: 1024 * 1024,
  ghostFiemap: false,
  linkRemap: false,
  fileLocks: false,
};
