import { declareShare } from './both-ways.js';

await declareShare(2, 3);
