import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakePort, inspectState, status, subject } from '../../../test/support/task-states.js';
import { parseMaps } from '../../linux/procfs/maps.js';
import { ptrace_sud_config } from '../../linux/uapi/ptrace.js';
import { securityLabel, syscallDispatch } from './confinement.js';
import { coreScheduling, cpuidFault, ioPorts, threadFeatures } from './processor-state.js';
import { keyrings, semaphoreUndo, specialMappings, tracer } from './ties.js';

test("a label that is not woodfrog's is refused", () => {
  const port = fakePort({
    files: {
      '/proc/thread-self/attr/current': 'unconfined\n',
      '/proc/412/task/412/attr/current': 'docker-default (enforce)\n',
    },
  });
  assert.throws(
    () => inspectState(securityLabel, subject(), { port }),
    /label "docker-default \(enforce\)" is not woodfrog's, "unconfined"/,
  );
  assert.deepEqual(inspectState(securityLabel, subject()), {});
});

test('system call user dispatch, I/O ports and core scheduling are refused', () => {
  assert.deepEqual(inspectState(syscallDispatch, subject()), {});
  assert.deepEqual(inspectState(ioPorts, subject()), {});
  assert.deepEqual(inspectState(coreScheduling, subject()), {});
  const dispatching = fakePort({
    calls: {
      ptrace: (_, { data }) => {
        const place = dispatching.memory.places.get((data as { address: number }).address);
        place?.set(ptrace_sud_config.encode({ mode: 1n }));
        return 0;
      },
    },
  });
  assert.throws(
    () => inspectState(syscallDispatch, subject(), { port: dispatching }),
    /dispatched to user space/,
  );
  const open = fakePort({ calls: { ptrace: () => 0 } });
  assert.throws(() => inspectState(ioPorts, subject(), { port: open }), /I\/O ports/);
  const cookie = fakePort({
    calls: {
      prctl: (_, { arg5 }) => {
        cookie.memory.places.get(arg5 as number)?.fill(1);
        return 0;
      },
    },
  });
  assert.throws(
    () => inspectState(coreScheduling, subject(), { port: cookie }),
    /core scheduling cookie/,
  );
});

test('processor features that no image holds are refused', () => {
  const tagged = subject({ status: status({ untag_mask: 0x81ff_ffff_ffff_ffffn }) });
  assert.throws(() => inspectState(threadFeatures, tagged), /linear address masking/);
  const shadow = subject({ status: status({ x86_Thread_features: ['shstk', 'wrss'] }) });
  assert.throws(() => inspectState(threadFeatures, shadow), /uses shstk wrss/);
  assert.deepEqual(inspectState(threadFeatures, subject()), {});
  assert.deepEqual(inspectState(cpuidFault, subject(), { answer: () => 1 }), {});
  assert.deepEqual(inspectState(cpuidFault, subject(), { answer: () => -19 }), {});
});

test('a tracer other than woodfrog is refused', () => {
  const traced = (TracerPid: number) =>
    inspectState(tracer, subject({ status: status({ TracerPid }) }));
  assert.deepEqual(traced(7), {});
  assert.deepEqual(traced(0), {});
  assert.throws(() => traced(99), /traced by pid 99/);
});

test('semaphore adjustments and own keyrings are refused', () => {
  const undo = (order: number, sets: string) => {
    const files = { '/proc/sysvipc/sem': `key semid perms\n${sets}` };
    const port = fakePort({ files, calls: { kcmp: () => order } });
    return inspectState(semaphoreUndo, subject(), { port });
  };
  assert.throws(() => undo(1, '0 0 600\n'), /SEM_UNDO/);
  assert.throws(() => undo(-3, '0 0 600\n'), /SEM_UNDO/);
  assert.deepEqual(undo(0, '0 0 600\n'), {});
  assert.deepEqual(undo(1, ''), {});
  assert.deepEqual(inspectState(semaphoreUndo, subject()), {});
  const ofThread = (sameAsLeader: boolean) => {
    const files = { '/proc/sysvipc/sem': 'key semid perms\n0 0 600\n' };
    const kcmp = (_: unknown, { pid1 }: Record<string, unknown>) =>
      pid1 !== 2 && sameAsLeader ? 0 : 1;
    const port = fakePort({ files, calls: { kcmp } });
    return inspectState(semaphoreUndo, { ...subject(), isLeader: false }, { port });
  };
  assert.deepEqual(ofThread(true), {});
  assert.throws(() => ofThread(false), /SEM_UNDO/);
  const answer = (_: unknown, { arg2 }: Record<string, unknown>) => (arg2 === -2 ? 5 : -126);
  assert.throws(() => inspectState(keyrings, subject(), { answer }), /has a process keyring/);
  assert.deepEqual(inspectState(keyrings, subject(), { answer: () => -126 }), {});
});

test('uprobes are refused, naming the mapping', () => {
  const mapped = (line: string) =>
    inspectState(specialMappings, subject({}, { mappings: parseMaps(line) }));
  assert.deepEqual(mapped('7f0000000000-7f0000001000 rw-p 00000000 00:00 0 \n'), {});
  const text = (run: () => unknown): string => {
    try {
      run();
    } catch (error) {
      return String(error);
    }
    return '';
  };
  assert.match(
    text(() => mapped('7fffffffe000-7ffffffff000 --xp 00000000 00:00 0 [uprobes]\n')),
    /mapping 0x7fffffffe000-0x7ffffffff000: the process has uprobes/,
  );
});
