/** `npm run torture -- reload|restart [TIMES [WORKERS]]`: changes countersign under load, and counts what its clients lose. */
import { type Torture, tortureReload, tortureRestart } from './torture/run.ts';

const REQUESTS_PER_SECOND = 300;
const TIMES = { reload: 1000, restart: 20 } as const;
/** Lost requests that are printed; the rest is only counted. */
const LOST_SHOWN_MAX = 20;

const [mode = '', count, workerCount = '1'] = process.argv.slice(2);
if (mode !== 'reload' && mode !== 'restart') {
  console.error('usage: npm run torture -- reload|restart [TIMES [WORKERS]]');
  process.exit(64);
}
const times = count === undefined ? TIMES[mode] : Number(count);
const workers = Number(workerCount);
if (![times, workers].every((number) => Number.isInteger(number) && number >= 1)) {
  console.error('TIMES and WORKERS are numbers from 1');
  process.exit(64);
}
const torture: Torture = {
  times,
  requestsPerSecond: REQUESTS_PER_SECOND,
  workers,
  onProgress: (done) => {
    if (done % 50 === 0 || done === times) console.log(`${done} of ${times}`);
  },
};
const { lost, ...tried } = mode === 'reload' ? await tortureReload(torture) : await tortureRestart(torture);
console.log({ ...tried, lost: lost.length });
for (const line of lost.slice(0, LOST_SHOWN_MAX)) console.log(line);
process.exitCode = lost.length === 0 ? 0 : 1;
