/**
 * Who makes each open file description, and who takes it from whom: pure. A description is made by the first process
 * that uses it; those of one resource (the ends of a pipe) all by the first that uses any of them.
 */

export interface HandOverInput {
  /** For each process, in tree order: the ids of the descriptions in its table; repetitions do not matter. */
  tables: readonly (readonly number[])[];
  /** The resource a description belongs to; undefined for one on its own. */
  resourceOf(id: number): string | undefined;
}

export interface HandOver {
  /** For each process: what it makes, in groups: the descriptions of one resource, or one on its own. */
  makes: number[][][];
  /** For each process: what it takes, and the index of the process that makes it. */
  takes: { id: number; from: number }[][];
}

export function planHandOver({ tables, resourceOf }: HandOverInput): HandOver {
  const makes: HandOver['makes'] = tables.map(() => []);
  const makerOf = new Map<number, number>();
  const resources = new Map<string, { maker: number; ids: number[] }>();
  tables.forEach((table, process) => {
    for (const id of table) {
      if (makerOf.has(id)) continue;
      const resource = resourceOf(id);
      const shared = resource === undefined ? undefined : resources.get(resource);
      if (shared) {
        shared.ids.push(id);
        makerOf.set(id, shared.maker);
        continue;
      }
      const ids = [id];
      makerOf.set(id, process);
      if (resource !== undefined) resources.set(resource, { maker: process, ids });
      makes[process]?.push(ids);
    }
  });
  const takes = tables.map((table, process) =>
    [...new Set(table)].flatMap((id) => {
      const from = makerOf.get(id) ?? process;
      return from === process ? [] : [{ id, from }];
    }),
  );
  return { makes, takes };
}
