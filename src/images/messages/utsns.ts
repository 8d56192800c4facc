/** Host and domain name. */
import { message, required, string } from '../schema.js';

export const utsns_entry = message('utsns_entry', () => ({
  nodename: required(1, string),
  domainname: required(2, string),
}));
