/** The tortures of the token service: every race on refresh tokens, and kills among rotations, on both databases. */
import { type TortureDatabase, withDatabases } from './databases.ts';
import {
  raceInGrace,
  raceRefreshes,
  raceReplayAgainstOwner,
  raceReplays,
  raceRevocation,
  raceUnderJumpingClock,
} from './refresh-races.ts';
import { killDuringRotations } from './store-kills.ts';
import { raceRevocations, raceRotations } from './store-races.ts';

export interface Tried {
  /** Database and race, for people. */
  readonly what: string;
  /** Races, or kills. */
  readonly count: number;
  /** Rotations that were answered before the kills. */
  readonly acknowledged?: number;
  /** What was lost, as sentences. */
  readonly lost: readonly string[];
}

export type OnTried = (tried: Tried) => void;

/** One kind of race on one database, so many times; what was lost. */
interface Race {
  readonly what: string;
  readonly run: (rounds: number) => Promise<readonly string[]>;
}

const CONTENDERS = [2, 8, 32];
const REPLAYS = 8;
/** Rotations of the session that is revoked meanwhile. */
const CHAIN = 6;

/** `count` races between rotations by one and by two processes, and as many of all other kinds together. */
export async function tortureRefresh(count: number, onTried: OnTried): Promise<readonly Tried[]> {
  return await withDatabases(async (databases) => {
    const rotations = databases.flatMap(racesOfProcesses);
    const others = databases.flatMap(racesOfServices);
    return [...(await runAll(rotations, count, onTried)), ...(await runAll(others, count, onTried))];
  });
}

/** The bare rotation, where two and more contenders are real processes (security.md T01). */
function racesOfProcesses({ kind, address }: TortureDatabase): Race[] {
  return [1, 2].flatMap((processes) =>
    CONTENDERS.map((contenders) => ({
      what: `${kind}: ${contenders} rotations of one value by ${processes} process(es)`,
      run: (rounds) =>
        raceRotations({ kind, address, rounds, processes, contenders: contenders / processes }),
    })),
  );
}

/** The whole use case, by services that share nothing but the database (T01–T04, T06, T07). */
function racesOfServices({ kind, address }: TortureDatabase): Race[] {
  const ofStores: Race = {
    what: `${kind}: rotation against revocation by two stores`,
    run: (rounds) => raceRevocations({ kind, address, rounds }),
  };
  const ofServices = [1, 2].flatMap((services) => {
    const race = (name: string, judge: typeof raceRefreshes, contenders: number): Race => ({
      what: `${kind}: ${name}, ${services} service(s)`,
      run: (rounds) => judge({ kind, address, services, rounds, contenders }),
    });
    return [
      ...CONTENDERS.map((contenders) =>
        race(`${contenders} refreshes of one value`, raceRefreshes, contenders),
      ),
      race(`${REPLAYS} replays end the session`, raceReplays, REPLAYS),
      race(`${REPLAYS} refreshes within the grace`, raceInGrace, REPLAYS),
      race('replay against the owner', raceReplayAgainstOwner, 2),
      race('refresh against revoke', raceRevocation, CHAIN),
      race('refreshes while the clock jumps', raceUnderJumpingClock, REPLAYS),
    ];
  });
  return [ofStores, ...ofServices];
}

/** Shares the races out evenly, at least one of each. */
async function runAll(races: readonly Race[], count: number, onTried: OnTried): Promise<Tried[]> {
  const rounds = Math.ceil(count / races.length);
  const all: Tried[] = [];
  for (const { what, run } of races) {
    const tried = { what, count: rounds, lost: await run(rounds) };
    onTried(tried);
    all.push(tried);
  }
  return all;
}

/** Kills between two lines that say how far it is. */
const PROGRESS_EVERY = 100;

/** `kill -9` of processes among their rotations, `count` times, half of them on each database (security.md T05). */
export async function tortureKill(count: number, onTried: OnTried): Promise<readonly Tried[]> {
  return await withDatabases(async (databases) => {
    const all: Tried[] = [];
    for (const { kind, address } of databases) {
      const rounds = Math.ceil(count / databases.length);
      const { kills, acknowledged, wrong } = await killDuringRotations({
        kind,
        address,
        rounds,
        onKill: (done) => {
          if (done % PROGRESS_EVERY === 0) console.log(`${kind}: ${done} of ${rounds} killed`);
        },
      });
      const tried = { what: `${kind}: kill -9 among rotations`, count: kills, acknowledged, lost: wrong };
      onTried(tried);
      all.push(tried);
    }
    return all;
  });
}
