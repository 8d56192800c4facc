/** Nominal types over number: a pid cannot be passed where a descriptor belongs. Made only by these constructors. */
import { assert } from './assert.js';

declare const brand: unique symbol;
export type Brand<Name extends string> = { readonly [brand]: Name };

/** A process or thread id in woodfrog's own pid namespace. */
export type Pid = number & Brand<'Pid'>;
/** A process or thread id as the task itself sees it, and as images hold it. */
export type Vpid = number & Brand<'Vpid'>;
/** A descriptor in woodfrog's own table. */
export type Fd = number & Brand<'Fd'>;
/** A descriptor number in a task's table. */
export type RemoteFd = number & Brand<'RemoteFd'>;
/** A user-space address, in whichever address space the context names. */
export type Address = number & Brand<'Address'>;

export const PAGE_SIZE = 4096;

function whole(value: number, what: string, min: number): number {
  assert(Number.isInteger(value) && value >= min, `${value} is not a ${what}`);
  return value;
}

export const pid = (value: number): Pid => whole(value, 'pid', 1) as Pid;
export const vpid = (value: number): Vpid => whole(value, 'vpid', 0) as Vpid;
export const fd = (value: number): Fd => whole(value, 'descriptor', 0) as Fd;
export const remoteFd = (value: number): RemoteFd => whole(value, 'descriptor', 0) as RemoteFd;

/** Mapping edges are page-aligned, so exact in a double above 2^53 too; any other address must be a safe integer. */
export function address(value: number): Address {
  assert(
    value >= 0 && (value % PAGE_SIZE === 0 || Number.isSafeInteger(value)),
    `Address 0x${value.toString(16)} is not exact`,
  );
  return value as Address;
}
