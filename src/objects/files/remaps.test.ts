import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixtureImages } from '../../../test/support/golden-images.js';
import { fakePort } from '../../../test/support/task-states.js';
import { IMAGES } from '../../images/catalogue.js';
import { ImageSet } from '../../images/directory.js';
import { remap_type } from '../../images/messages/remap-file-path.js';
import { contentOf } from '../../images/store.js';
import { utf8 } from '../../support/bytes.js';
import type { NamedFile } from '../kinds.js';
import { DEFAULT_OBJECT_OPTIONS } from '../options.js';
import type { Ghost } from './ghost.js';
import { addFiles } from './inspect.js';
import { LinkRemaps } from './link-remap.js';
import { FileRegistry } from './registry.js';

const CONTENT = 'content of a deleted file';
/** What CRIU saw when it wrote the golden images. */
const goldenGhost = (): Ghost => ({
  kind: 'ghost',
  key: 'ghost',
  entry: {
    ...{ uid: 0, gid: 0, mode: 0o100600, dev: 254 << 20, ino: 2162989n },
    atim: { tv_sec: 1795188579, tv_usec: 203427 },
    mtim: { tv_sec: 1795188579, tv_usec: 203427 },
  },
  storedBytes: CONTENT.length,
  whole: contentOf(utf8(CONTENT)),
  chunks: [],
});

const named = (name: string, remap: NamedFile['remap'], mode = 0o100600): NamedFile => ({
  ...{ name, ...(remap && { remap }) },
  stat: { ...{ dev: 1n, ino: 2n, nlink: 0n, mode, uid: 0, gid: 0, rdev: 0n, size: 25 } },
});
const AT = { flags: 0, pos: 0n };

test('a deleted file used twice gets the entries that CRIU gave it', () => {
  const registry = new FileRegistry();
  const file = named('/tmp/golden-run/files/ghost', goldenGhost());
  for (const id of [2, 8]) registry.regEntry(file, { ...AT, id });
  const images = new ImageSet();
  addFiles(images, { processes: [], resources: [], locks: [], registry });
  const golden = fixtureImages('files');
  assert.deepEqual(images.many(IMAGES.REMAP_FPATH), golden.many(IMAGES.REMAP_FPATH));
  const [ours, theirs] = [images, golden].map((set) => set.entries(IMAGES.GHOST_FILE, 1)[0]);
  assert.deepEqual(ours?.value, theirs?.value);
  const contents = [ours, theirs].map((entry) =>
    new TextDecoder().decode(entry?.payload?.blocks.extra?.read()),
  );
  assert.deepEqual(contents, [CONTENT, CONTENT]);
});

test('a deleted file above the limit is refused, and the option named', () => {
  const registry = new FileRegistry(new Map(), new Map(), {
    ...DEFAULT_OBJECT_OPTIONS,
    ghostLimit: 24,
  });
  assert.throws(() => registry.regEntry(named('/x', goldenGhost()), { ...AT, id: 1 }), {
    code: 'external',
    message: "'/x' is deleted, and holds 25 bytes, which is more than --ghost-limit (24)",
    remedy: 'allow it by --ghost-limit 25',
  });
});

test('directories come behind what was in them', () => {
  const registry = new FileRegistry();
  const directory = (key: string): Ghost => {
    const ghost = goldenGhost();
    return { ...ghost, key, entry: { ...ghost.entry, mode: 0o40755 } };
  };
  registry.addNamed(named('/a', directory('a'), 0o40755), AT);
  registry.addNamed(named('/a/b', directory('b'), 0o40755), AT);
  registry.addNamed(named('/a/b/c', goldenGhost()), AT);
  assert.deepEqual(
    registry.remaps.inOrder().map(({ orig_id, remap_id }) => [orig_id, remap_id]),
    [
      [3, 3],
      [2, 2],
      [1, 1],
    ],
  );
});

const LINK = { kind: 'link', key: 'link', via: '/proc/5/fd/3' } as const;

test('a file with another name left needs --link-remap', () => {
  const registry = new FileRegistry();
  assert.throws(() => registry.addNamed(named('/d/one', LINK), AT), {
    code: 'external',
    message:
      "'/d/one' is deleted, and only other hard links to the file are left: --link-remap is needed",
    remedy: 'let the dump make a name for it beside that one, by --link-remap',
  });
});

test('with --link-remap it gets one further name, whoever uses it, as CRIU names it', () => {
  const registry = new FileRegistry(new Map(), new Map(), {
    ...DEFAULT_OBJECT_OPTIONS,
    linkRemap: true,
  });
  const id = registry.addNamed(named('/d/one', LINK), AT);
  registry.addNamed(named('/d/one', LINK), AT);
  const { remaps } = registry;
  assert.deepEqual(
    remaps.names.map(({ via, entry }) => [via, entry.id, entry.name]),
    [['/proc/5/fd/3', id + 1, `/d/link_remap.${id + 1}`]],
  );
  const LINKED = { remap_id: id + 1, remap_type: remap_type.LINKED };
  assert.deepEqual(remaps.inOrder(), [
    { orig_id: id, ...LINKED },
    { orig_id: id + 2, ...LINKED },
  ]);
});

test('further names: one that is taken is passed over; all go when the dump fails', () => {
  for (const succeeds of [false, true]) {
    const calls: string[] = [];
    const port = fakePort({
      calls: {
        linkat: (_, { newpath }) => {
          calls.push(`link ${newpath}`);
          return newpath === '/d/link_remap.2' ? -17 : 0;
        },
        unlinkat: (_, { pathname }) => calls.push(`unlink ${pathname}`),
      },
    });
    const registry = new FileRegistry(new Map(), new Map(), {
      ...DEFAULT_OBJECT_OPTIONS,
      linkRemap: true,
    });
    registry.addNamed(named('/d/one', LINK), AT);
    const links = new LinkRemaps(port);
    links.make(registry.remaps.names);
    if (!succeeds) links.undo();
    const undone = succeeds ? [] : ['unlink /d/link_remap.2.1'];
    assert.deepEqual(calls, ['link /d/link_remap.2', 'link /d/link_remap.2.1', ...undone]);
    assert.equal(registry.remaps.names[0]?.entry.name, '/d/link_remap.2.1');
  }
});
