/** Where in descriptor tables there is room for numbers of ours. Pure. */
import { refused } from '../support/errors.js';

/**
 * The first of `wanted` numbers in a row that no table uses: above all of them, or, when the highest stands so near the
 * limit that too few are left there, in the widest gap.
 */
export function findRoom(
  saved: readonly number[],
  { wanted, limit }: { wanted: number; limit: number },
): number {
  // Standard descriptors are ours as long as we live.
  const numbers = [...new Set([2, ...saved])].sort((a, b) => a - b);
  const above = (numbers.at(-1) ?? 0) + 1;
  if (above + wanted <= limit) return above;
  let widest = { first: above, length: limit - above };
  numbers.forEach((number, i) => {
    const first = number + 1;
    const length = (numbers[i + 1] ?? first) - first;
    if (length > widest.length) widest = { first, length };
  });
  if (widest.length >= wanted) return widest.first;
  throw refused(
    `the saved descriptor tables leave no room for ${wanted} numbers in a row below our limit, ${limit}`,
    { remedy: `run woodfrog with a higher limit: ulimit -Hn ${above + wanted}` },
  );
}
