/** The registry: every kernel object that is saved, recognised or refused. One line each. */
import { IMAGES } from '../images/catalogue.js';
import type { Image } from '../images/image.js';
import { directories } from './files/directories.js';
import { FILE_KINDS } from './files/index.js';
import type { TaskState } from './kinds.js';
import { taskStates as ofTasks } from './tasks/index.js';

/** In the order in which their steps come within a stage. */
export const taskStates: readonly TaskState[] = [directories, ...ofTasks];
export { FILE_KINDS as fileKinds };

/** Images that objects read beside their own entries. */
export const resourceImages: readonly Image[] = [
  IMAGES.PIPES_DATA,
  IMAGES.FIFO_DATA,
  IMAGES.REMAP_FPATH,
  IMAGES.GHOST_FILE,
  IMAGES.FILE_LOCKS,
  IMAGES.CGROUP,
  IMAGES.TTY_INFO,
  IMAGES.TTY_DATA,
  IMAGES.CPUINFO,
].map((image) => image as Image);
