/** Changes an image of a checkpoint on disk, as a person with `crit` would. */
import { FolderStore } from '../../src/folder/store.js';
import { readImageSet, writeImage } from '../../src/images/directory.js';
import { type Image, type ImageId, imageName } from '../../src/images/image.js';
import { defined } from '../../src/support/assert.js';

/** Edits the one entry of an image in place. */
export function editImage<V>(
  folder: string,
  image: Image<V, 'one', ImageId>,
  { id, edit }: { id?: ImageId; edit: (value: V) => void },
): void {
  const store = new FolderStore(folder);
  const set = readImageSet(store, ({ key }) => key !== image.key);
  const name = imageName(image as Image, id);
  const [entry] = set.entriesOf(image as Image, id);
  const value = defined(entry, `${name} has an entry`).value as V;
  edit(value);
  writeImage(store, name, image, [{ value }]);
}
