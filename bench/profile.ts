/** Prints the functions of a `.cpuprofile` in which most time was spent, themselves and with what they call. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly children?: readonly number[];
}

interface Profile {
  readonly nodes: readonly ProfileNode[];
  /** Node that ran at each sample. */
  readonly samples: readonly number[];
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[];
}

const SHOWN = 40;

function nameOf({ callFrame: { functionName, url, lineNumber } }: ProfileNode): string {
  const file = basename(url);
  return `${functionName === '' ? '(anonymous)' : functionName}${file === '' ? '' : ` ${file}:${lineNumber + 1}`}`;
}

/** Microseconds by function, for itself. Idle time is left out. */
function selfTimes({ nodes, samples, timeDeltas }: Profile): Map<string, number> {
  const names = new Map(nodes.map((node) => [node.id, nameOf(node)]));
  const times = new Map<string, number>();
  for (const [index, id] of samples.entries()) {
    const name = names.get(id) ?? '';
    if (name !== '(idle)' && name !== '(program)')
      times.set(name, (times.get(name) ?? 0) + (timeDeltas[index] ?? 0));
  }
  return times;
}

for (const path of process.argv.slice(2)) {
  const times = selfTimes(JSON.parse(readFileSync(path, 'utf8')));
  const total = [...times.values()].reduce((sum, time) => sum + time, 0);
  console.log(`${basename(path)}: ${(total / 1e6).toFixed(1)} s busy`);
  for (const [name, time] of [...times].toSorted((a, b) => b[1] - a[1]).slice(0, SHOWN))
    console.log(`${((100 * time) / total).toFixed(1).padStart(5)} %  ${name}`);
}
