import { declareShare } from './both-ways.js';

await declareShare(1, 3);
