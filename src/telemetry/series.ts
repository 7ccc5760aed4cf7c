/**
 * The series of one metric, found by label values. Requests add amounts up here; prom-client, whose counters take ten
 * times as long, is told when somebody looks.
 */

/** What stands behind one set of label values. A counter has `inc`, a gauge `inc` and `set`, a histogram `observe`. */
export interface Recorder {
  inc?(amount: number): void;
  set?(value: number): void;
  observe?(value: number): void;
}

/** One set of label values. Whoever needs it with each request keeps it. */
export class Series {
  readonly #recorder: Recorder;
  #unsettled = 0;

  constructor(recorder: Recorder) {
    this.#recorder = recorder;
  }

  add(amount: number): void {
    this.#unsettled += amount;
  }

  set(value: number): void {
    this.#unsettled = 0;
    this.#recorder.set?.(value);
  }

  observe(value: number): void {
    this.#recorder.observe?.(value);
  }

  /** Tells what was added since the last time. */
  settle(): void {
    if (this.#unsettled !== 0) this.#recorder.inc?.(this.#unsettled);
    this.#unsettled = 0;
  }
}

/** Series by one label value after the other: a request finds its own without a key being put together. */
interface Branch {
  readonly next: Map<string, Branch>;
  series: Series | null;
}

export class SeriesOfMetric {
  readonly #open: (labels: readonly string[]) => Recorder;
  readonly #root: Branch = { next: new Map(), series: null };
  readonly #all: Series[] = [];

  /** `open`: what stands behind label values, asked for once each. */
  constructor(open: (labels: readonly string[]) => Recorder) {
    this.#open = open;
  }

  at(labels: readonly string[]): Series {
    let branch = this.#root;
    for (const label of labels) branch = branch.next.get(label) ?? grow(branch, label);
    return branch.series ?? this.#begin(branch, labels);
  }

  settle(): void {
    for (const series of this.#all) series.settle();
  }

  #begin(branch: Branch, labels: readonly string[]): Series {
    const series = new Series(this.#open(labels));
    branch.series = series;
    this.#all.push(series);
    return series;
  }
}

function grow({ next }: Branch, label: string): Branch {
  const branch: Branch = { next: new Map(), series: null };
  next.set(label, branch);
  return branch;
}
