import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakePort, inspectState, subject } from '../../../test/support/task-states.js';
import { NAMESPACE_TYPES } from '../../linux/procfs/ns-link.js';
import { pid } from '../../support/brand.js';
import { namespaces, readNamespaces, verifyOneTimeNamespace } from './inside.js';

/** Links of woodfrog and of thread 412 or 413, equal but for those given. */
function portWith(different: Record<string, string>, tid = 412) {
  const folders = ['/proc/self', `/proc/412/task/${tid}`, '/proc/412'];
  const links: Record<string, string> = {};
  for (const folder of folders) {
    NAMESPACE_TYPES.forEach((type, i) => {
      links[`${folder}/ns/${type}`] = `${type}:[${4026531830 + i}]`;
    });
    links[`${folder}/ns/pid_for_children`] = links[`${folder}/ns/pid`] ?? '';
  }
  for (const [name, target] of Object.entries(different)) {
    if (target === '') delete links[`/proc/412/task/${tid}/ns/${name}`];
    else links[`/proc/412/task/${tid}/ns/${name}`] = target;
  }
  return fakePort({ links });
}

test("woodfrog's own namespaces are fine, and a time namespace of the tree's own", () => {
  assert.deepEqual(inspectState(namespaces, subject(), { port: portWith({}) }), {});
  const port = portWith({ time: 'time:[99]' });
  assert.deepEqual(inspectState(namespaces, subject(), { port }), {});
});

for (const type of NAMESPACE_TYPES.filter((each) => each !== 'time')) {
  test(`another ${type} namespace is refused by name`, () => {
    const port = portWith({ [type]: `${type}:[99]` });
    const says = new RegExp(`${type}.* namespace is not woodfrog's`);
    assert.throws(() => inspectState(namespaces, subject(), { port }), says);
  });
}

test('a thread alone in a network namespace is refused', () => {
  const port = portWith({ net: 'net:[99]' }, 413);
  assert.throws(() => inspectState(namespaces, subject({ tid: pid(413) }), { port }), /network/);
});

test('a pid namespace for the children alone is refused, entered or not', () => {
  for (const target of ['pid:[99]', '']) {
    const port = portWith({ pid_for_children: target });
    assert.throws(
      () => inspectState(namespaces, subject(), { port }),
      /its children .* pid namespace/,
    );
  }
});

test('one tree is in one time namespace', () => {
  const root = { pid: 1, comm: 'a', inside: readNamespaces(portWith({}), '/proc/412') };
  const child = {
    pid: 2,
    comm: 'b',
    inside: readNamespaces(portWith({ time: 'time:[99]' }), '/proc/412/task/412'),
  };
  verifyOneTimeNamespace([root, { ...root, pid: 2 }]);
  assert.throws(() => verifyOneTimeNamespace([root, child]), /not that of pid 1 \(a\)/);
});
