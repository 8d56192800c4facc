import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goneObstacle, parseProcName, procObstacle } from './proc-names.js';

const INSIDE = new Set([12, 13]);

test('names in /proc tell the process, the thread, and what is asked of it', () => {
  assert.deepEqual(parseProcName('/proc/12'), { pid: 12, tid: undefined, rest: '' });
  assert.deepEqual(parseProcName('/proc/12/'), { pid: 12, tid: undefined, rest: '/' });
  assert.deepEqual(parseProcName('/proc/12/task'), { pid: 12, tid: undefined, rest: '/task' });
  assert.deepEqual(parseProcName('/proc/12/task/13/comm'), { pid: 12, tid: 13, rest: '/comm' });
  for (const name of ['/proc', '/proc/meminfo', '/proc/12a', '/jail/proc/12', '/proc/sys/12']) {
    assert.equal(parseProcName(name), undefined, name);
  }
});

test('what cannot come back with a process is refused', () => {
  for (const [name, why] of [
    ['/proc/1/status', /process 1, which is outside the tree/],
    ['/proc/12/task/13/comm', /belongs to a thread/],
    ['/proc/12/fdinfo/3', /belongs to a descriptor/],
    ['/proc/12/task/12/fdinfo/3', /belongs to a descriptor/],
  ] as const) {
    assert.match(procObstacle(name, INSIDE)?.what ?? '', why);
  }
  for (const name of [
    '/proc/12/status',
    '/proc/13/fdinfo',
    '/proc/12/task/12/comm',
    '/proc/stat',
  ]) {
    assert.equal(procObstacle(name, INSIDE), undefined);
  }
});

test('a number that another process has got is refused', () => {
  const of = (name: string): string | undefined => {
    const task = parseProcName(name);
    return task && goneObstacle(name, task, INSIDE)?.what;
  };
  assert.match(of('/proc/12/status') ?? '', /its number to another/);
  assert.match(of('/proc/14/task/15/status') ?? '', /belongs to a thread/);
  assert.equal(of('/proc/14/status'), undefined);
});
