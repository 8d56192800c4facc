/** AppArmor policies that confined tasks need, by namespace. */
import {
  bytes,
  type Message,
  type MessageValue,
  message,
  repeated,
  required,
  string,
} from '../schema.js';

export const aa_policy = message('aa_policy', () => ({
  name: required(1, string),
  blob: required(2, bytes),
}));

/** Namespaces nest. */
export interface AppArmorNamespace {
  name: string;
  policies: MessageValue<typeof aa_policy>[];
  namespaces: AppArmorNamespace[];
}

export const aa_namespace: Message<AppArmorNamespace> = message('aa_namespace', () => ({
  name: required(1, string),
  policies: repeated(2, aa_policy),
  namespaces: repeated(3, (): Message<AppArmorNamespace> => aa_namespace),
}));

export const apparmor_entry = message('apparmor_entry', () => ({
  namespaces: repeated(1, aa_namespace),
}));
