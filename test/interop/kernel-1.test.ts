import { declareShare } from './both-ways.js';

await declareShare(0, 3);
