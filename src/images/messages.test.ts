import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { wireTable } from '../../test/support/golden.js';
import {
  type AnyEnumeration,
  enumEntries,
  enumTypeName,
  type Field,
  isMessage,
  isScalar,
  type Message,
  typeOf,
} from './schema.js';

type WireField = [number: number, label: string, type: string, options?: Record<string, unknown>];
interface WireFile {
  messages: Record<string, Record<string, WireField>>;
  enums: Record<string, Record<string, number>>;
}

const folder = new URL('messages/', import.meta.url);
const OURS = 20000;
/** Fields the format has no place for: skipped by every other reader. */
const OUR_FIELDS: string[] = [
  'cpuinfo_x86_entry.further_capability',
  'eventfd_file_entry.semaphore',
  'eventpoll_tfd_entry.file_id',
  'eventpoll_tfd_entry.number',
  'fanotify_inode_mark_entry.file_id',
  'fanotify_mark_entry.filesystem',
  'inotify_file_entry.lost',
  'inotify_wd_entry.file_id',
  'mm_entry.coredump_filter',
  'mm_entry.futex_hash_slots',
  'mm_entry.mdwe',
  'mm_entry.memory_merge',
  'mm_entry.thp_disable_flags',
  'pipe_data_entry.packet_lengths',
  'pipe_data_entry.packet_offsets',
  'pipe_entry.external',
  'posix_timer_entry.cpu_thread_id',
  'posix_timer_entry.expires_nsec',
  'posix_timer_entry.expires_sec',
  'reg_file_entry.rdev',
  'task_core_entry.exit_signal',
  'task_core_entry.leader_exit_code',
  'task_core_entry.stops_seen',
  'task_core_entry.xcomp_perm',
  'thread_core_entry.cpu_affinity',
  'thread_core_entry.cpuid_fault',
  'thread_core_entry.io_flusher',
  'thread_core_entry.ioprio',
  'thread_core_entry.mce_kill',
  'thread_core_entry.personality',
  'thread_core_entry.sched_runtime',
  'thread_core_entry.spec_indirect_branch',
  'thread_core_entry.spec_l1d_flush',
  'thread_core_entry.spec_store_bypass',
  'thread_core_entry.timer_slack_ns',
  'thread_core_entry.tsc_sigsegv',
  'timerfd_entry.expires_nsec',
  'timerfd_entry.expires_sec',
  'tty_info_entry.peer_closed',
  'tty_info_entry.stopped',
  'user_x86_regs_entry.restart',
  'vma_entry.accounted',
  'vma_entry.anon_name',
  'vma_entry.locked_on_fault',
  'vma_entry.object_size',
  'vma_entry.sealed',
];

function wireType(field: Field): string {
  const type = typeOf(field);
  if (isScalar(type)) return type.wire;
  return isMessage(type) ? type.name : enumTypeName(type);
}

const asWire = (field: Field): WireField => {
  const { number, label, options } = field;
  const row: WireField = [number, label, wireType(field)];
  if (Object.keys(options).length > 0) row.push({ ...options });
  return row;
};

/** What our modules declare, in the shape of the wire table; our own fields apart. */
async function declared(): Promise<{ files: Record<string, WireFile>; ours: string[] }> {
  const files: Record<string, WireFile> = {};
  const ours: string[] = [];
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.js'))) {
    const file: WireFile = { messages: {}, enums: {} };
    const module: Record<string, unknown> = await import(new URL(name, folder).href);
    for (const [exported, value] of Object.entries(module)) {
      if (isMessage(value as Message<unknown>)) {
        const { name: messageName, fields } = value as Message<unknown>;
        assert.equal(exported, messageName);
        const entries = Object.entries(fields);
        for (const [key, { number }] of entries) {
          if (number >= OURS) ours.push(`${messageName}.${key}`);
        }
        file.messages[messageName] = Object.fromEntries(
          entries
            .filter(([, { number }]) => number < OURS)
            .map(([key, field]) => [key, asWire(field)]),
        );
      } else {
        const type = value as AnyEnumeration;
        assert.equal(exported, enumTypeName(type).replace('.', '_'));
        file.enums[enumTypeName(type)] = Object.fromEntries(enumEntries(type));
      }
    }
    files[name.replace('.js', '')] = file;
  }
  return { files, ours };
}

test('every message, field and enum is declared as the format has it', async () => {
  const wire = wireTable<Record<string, WireFile>>('messages');
  const { files, ours } = await declared();
  assert.deepEqual(Object.keys(files).sort(), Object.keys(wire).sort());
  for (const [name, file] of Object.entries(wire)) {
    assert.deepEqual(files[name], file, `messages/${name}.ts`);
  }
  assert.deepEqual(ours.sort(), OUR_FIELDS);
});
