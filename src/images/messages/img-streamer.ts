/** What is said to a program that streams images. */
import { bool, message, required, string } from '../schema.js';

export const img_streamer_request_entry = message('img_streamer_request_entry', () => ({
  filename: required(1, string),
}));

export const img_streamer_reply_entry = message('img_streamer_reply_entry', () => ({
  exists: required(1, bool),
}));
