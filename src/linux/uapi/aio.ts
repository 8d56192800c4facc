/** linux/aio_abi.h, and the ring behind a context: struct aio_ring of fs/aio.c, which libaio reads, too. */
import { i64, struct, u16, u32, u64 } from '../struct.js';

export const IOCB_CMD_PREAD = 0;
export const iocb = struct(
  'iocb',
  {
    aio_data: u64,
    aio_key: u32,
    aio_rw_flags: u32,
    aio_lio_opcode: u16,
    aio_reqprio: u16,
    aio_fildes: u32,
    aio_buf: u64,
    aio_nbytes: u64,
    aio_offset: i64,
    aio_reserved2: u64,
    aio_flags: u32,
    aio_resfd: u32,
  },
  { size: 64 },
);

export const AIO_RING_MAGIC = 0xa10a_10a1;
/** The events follow, `nr` of them, 32 bytes each; `head` to `tail` are not taken yet. */
export const aio_ring = struct(
  'aio_ring',
  {
    id: u32,
    nr: u32,
    head: u32,
    tail: u32,
    magic: u32,
    compat_features: u32,
    incompat_features: u32,
    header_length: u32,
  },
  { size: 32 },
);
export const IO_EVENT_BYTES = 32;
