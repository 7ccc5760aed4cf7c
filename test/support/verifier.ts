/** A verifier over realms made for a test, and the verdicts it reaches. */
import { CountersignError } from '../../src/core/errors.ts';
import type { LogFields, Logger } from '../../src/core/log.ts';
import type { VerifiedToken } from '../../src/core/principal.ts';
import type { Realm } from '../../src/core/realm.ts';
import type { Clock } from '../../src/core/time.ts';
import type { RealmBinding } from '../../src/jwt/realm-binding.ts';
import { createVerifier, type Verifier, type VerifierObserver } from '../../src/jwt/verify.ts';
import { type FakeClock, fakeClock } from './clock.ts';
import { testRealm } from './policy.ts';
import { hs256 } from './tokens.ts';
import { secretKey } from './verification-keys.ts';

export const SECRET = 'the secret of realm fusion: 32 bytes or more';

interface LogLine {
  readonly level: keyof Logger;
  readonly message: string;
  readonly fields: LogFields;
}

export function recordingLog(): Logger & { readonly lines: readonly LogLine[] } {
  const lines: LogLine[] = [];
  const at =
    (level: keyof Logger) =>
    (message: string, fields: LogFields = {}) =>
      void lines.push({ level, message, fields });
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** Counts what happens. */
function countingObserver(): VerifierObserver & { hits: number; misses: number; evictions: number } {
  return {
    hits: 0,
    misses: 0,
    evictions: 0,
    cacheHit() {
      this.hits += 1;
    },
    cacheMiss() {
      this.misses += 1;
    },
    cacheEviction() {
      this.evictions += 1;
    },
  };
}

export interface Rig {
  readonly clock: FakeClock;
  readonly realms: readonly Realm[];
  readonly verifier: Verifier;
  readonly log: ReturnType<typeof recordingLog>;
  readonly counts: ReturnType<typeof countingObserver>;
  /** Against all realms of the rig, or those given. Refusals are thrown, at once or later alike. */
  verify(token: string, realms?: readonly Realm[]): Promise<VerifiedToken>;
  /** The code of the refusal; `accepted` where there is none. Anything but a CountersignError is thrown on. */
  verdict(token: string, realms?: readonly Realm[]): Promise<string>;
}

export function rigOf(bindings: readonly RealmBinding[], cacheMax = 100, clock = fakeClock()): Rig {
  const log = recordingLog();
  const counts = countingObserver();
  const verifier = createVerifier({ bindings, clock, cacheMax, log, observe: counts });
  const realms = bindings.map(({ realm }) => realm);
  const verify: Rig['verify'] = async (token, among = realms) => await verifier.verify(token, among);
  const verdict: Rig['verdict'] = async (token, among) => {
    try {
      await verify(token, among);
      return 'accepted';
    } catch (thrown) {
      if (thrown instanceof CountersignError) return thrown.code;
      throw thrown;
    }
  };
  return { clock, realms, verifier, log, counts, verify, verdict };
}

/** One realm with a shared secret, `fusion` as the seed has it. */
export function fusionRig(overrides: Partial<Realm> = {}): Rig {
  return rigOf([{ realm: testRealm(overrides), signingKeys: [secretKey(SECRET)], keySet: null }]);
}

/** Claims that realm `fusion` accepts for five minutes; undefined takes a claim out. */
export function goodClaims(clock: Clock, changes: Record<string, unknown> = {}): Record<string, unknown> {
  const nowSeconds = Math.floor(clock() / 1000);
  return { iss: 'fusion', sub: 'test-fusion', iat: nowSeconds, exp: nowSeconds + 300, ...changes };
}

/** T1 of the acceptance rows: HS256, signed with the secret of realm `fusion`. */
export function goodToken(clock: Clock, changes: Record<string, unknown> = {}, header: object = {}): string {
  return hs256(SECRET, goodClaims(clock, changes), header);
}
