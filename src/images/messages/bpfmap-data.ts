/** The content of a BPF map: keys and values follow the entry as raw bytes. */
import { message, required, uint32 } from '../schema.js';

export const bpfmap_data_entry = message('bpfmap_data_entry', () => ({
  map_id: required(1, uint32),
  keys_bytes: required(2, uint32),
  values_bytes: required(3, uint32),
  count: required(4, uint32),
}));
