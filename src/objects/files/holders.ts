/** Who in a tree holds which open file: numbers and descriptions, found both ways. */
import type { ProcessView } from '../../checkpoint/views.js';
import type { DescriptionView, Holder, TreeFiles } from '../kinds.js';
import type { ProcessFiles } from './observe.js';

function groupBy<K>(holders: readonly Holder[], keyOf: (holder: Holder) => K): Map<K, Holder[]> {
  const groups = new Map<K, Holder[]>();
  for (const holder of holders) {
    const key = keyOf(holder);
    const group = groups.get(key);
    if (group) group.push(holder);
    else groups.set(key, [holder]);
  }
  return groups;
}

/** Put together when it is first asked. */
export class Holders implements TreeFiles {
  readonly processes: readonly ProcessView[];
  private readonly files: readonly ProcessFiles[];
  private all: Holder[] | undefined;
  private byDescription: Map<DescriptionView, Holder[]> | undefined;
  private byNumber: Map<number, Holder[]> | undefined;

  constructor(processes: readonly ProcessView[], files: readonly ProcessFiles[]) {
    this.processes = processes;
    this.files = files;
  }

  get holders(): readonly Holder[] {
    this.all ??= this.files.flatMap(({ process, table }) => {
      return table.map(({ fd, description }) => ({ process, fd, description: description.view }));
    });
    return this.all;
  }

  holdersOf(description: DescriptionView): readonly Holder[] {
    this.byDescription ??= groupBy(this.holders, (holder) => holder.description);
    return this.byDescription.get(description) ?? [];
  }

  holdersAt(fd: number): readonly Holder[] {
    this.byNumber ??= groupBy(this.holders, (holder) => holder.fd);
    return this.byNumber.get(fd) ?? [];
  }
}
