/**
 * `npm run torture -- reload|restart|refresh|kill [TIMES [WORKERS]]`: changes countersign under load, races its refresh
 * tokens and kills it among their rotations, and counts what is lost.
 */
import { exitOnSignals } from '../test/support/endings.ts';
import { type Torture, tortureReload, tortureRestart } from './torture/run.ts';
import { type Tried, tortureKill, tortureRefresh } from './torture/token-service.ts';

const USAGE = `usage: npm run torture -- MODE [TIMES [WORKERS]]
  reload   reloads the configuration under load (1000), one file in five with a mistake
  restart  replaces the process under load (20)
  refresh  races on refresh tokens (10000 between processes, as many of the other kinds), SQLite and PostgreSQL
  kill     kills a process among its rotations (1000), SQLite and PostgreSQL
WORKERS: of each gateway, for reload and restart (1)`;
const USAGE_ERROR = 64; // sysexits.h

const REQUESTS_PER_SECOND = 300;
const TIMES = { reload: 1000, restart: 20, refresh: 10_000, kill: 1000 } as const;
type Mode = keyof typeof TIMES;
/** Lost requests that are printed; the rest is only counted. */
const LOST_SHOWN_MAX = 20;

function isMode(text: string): text is Mode {
  return Object.hasOwn(TIMES, text);
}

function usageError(message: string): never {
  console.error(message);
  process.exit(USAGE_ERROR);
}

function report(counts: object, lost: readonly string[]): void {
  console.log({ ...counts, lost: lost.length });
  for (const line of lost.slice(0, LOST_SHOWN_MAX)) console.log(line);
  process.exitCode = lost.length === 0 ? 0 : 1;
}

async function tortureGateway(mode: 'reload' | 'restart', times: number, workers: number): Promise<void> {
  const torture: Torture = {
    times,
    requestsPerSecond: REQUESTS_PER_SECOND,
    workers,
    onProgress: (done) => {
      if (done % 50 === 0 || done === times) console.log(`${done} of ${times}`);
    },
  };
  const { lost, ...tried } = mode === 'reload' ? await tortureReload(torture) : await tortureRestart(torture);
  report(tried, lost);
}

async function tortureTokens(mode: 'refresh' | 'kill', times: number): Promise<void> {
  const all = await (mode === 'refresh' ? tortureRefresh : tortureKill)(times, printTried);
  const sum = (of: (one: Tried) => number) => all.reduce((total, one) => total + of(one), 0);
  const counts =
    mode === 'refresh'
      ? { races: sum(({ count }) => count) }
      : { kills: sum(({ count }) => count), acknowledged: sum(({ acknowledged = 0 }) => acknowledged) };
  report(
    counts,
    all.flatMap(({ what, lost }) => lost.map((line) => `${what}: ${line}`)),
  );
}

function printTried({ what, count, lost }: Tried): void {
  console.log(`${what}: ${count} tried, ${lost.length} lost`);
}

const [mode = '', count, workerCount = '1'] = process.argv.slice(2);
if (!isMode(mode)) usageError(USAGE);
const times = count === undefined ? TIMES[mode] : Number(count);
const workers = Number(workerCount);
if (![times, workers].every((number) => Number.isInteger(number) && number >= 1))
  usageError(`TIMES and WORKERS are numbers from 1\n${USAGE}`);
exitOnSignals();
await (mode === 'reload' || mode === 'restart'
  ? tortureGateway(mode, times, workers)
  : tortureTokens(mode, times));
