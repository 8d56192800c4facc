/** A descriptor that something outside provides. */
import { message, required, uint32 } from '../schema.js';
import { fown_entry } from './fown.js';

export const ext_file_entry = message('ext_file_entry', () => ({
  id: required(1, uint32),
  fown: required(5, fown_entry),
}));
