/** Pending signals: each the raw bytes of a siginfo_t. */
import { bytes, message, repeated, required } from '../schema.js';

export const siginfo_entry = message('siginfo_entry', () => ({
  siginfo: required(1, bytes),
}));

export const signal_queue_entry = message('signal_queue_entry', () => ({
  signals: repeated(1, siginfo_entry),
}));
