/**
 * Mutated tokens against an independent oracle: a token is accepted exactly when an issuer signed this very text and
 * twenty lines written from the RFCs, not from the code, find nothing wrong with it. FUZZ_SEED repeats a run,
 * FUZZ_COUNT lengthens it.
 */
import { describe, expect, it } from 'vitest';
import { CountersignError } from '../../src/core/errors.ts';
import { testRealm } from '../support/policy.ts';
import { seededRandom } from '../support/random.ts';
import {
  type Genuine,
  makeGenuine,
  resigned,
  type Signer,
  TEXT_MUTATIONS,
} from '../support/token-mutants.ts';
import { hmac, testKey } from '../support/tokens.ts';
import { fakeKeySet, publicKey, secretKey } from '../support/verification-keys.ts';
import { goodClaims, rigOf, SECRET } from '../support/verifier.ts';

const COUNT = Number(process.env['FUZZ_COUNT'] ?? 200_000);
const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 32);
/** Verified at the same time, so that signatures overlap. */
const BATCH = 64;

const key = testKey('ES256', 'k1');
const spki = key.publicKey.export({ type: 'spki', format: 'pem' }).toString();
const fusion: Signer = { name: 'fusion', alg: 'HS256', sign: hmac(SECRET) };
const corp: Signer = { name: 'corp', alg: 'ES256', sign: key.sign };
const strangers: Signer[] = [
  { name: 'stranger', alg: 'ES256', sign: testKey('ES256', 'k1').sign },
  { name: 'confused', alg: 'HS256', sign: hmac(spki) },
  { name: 'empty', alg: 'none', sign: () => Buffer.alloc(0) },
];

function makeRig() {
  const unknownKid = () => new CountersignError('unknown_kid', 'not in the set');
  const idp = { name: 'corp', issuer: 'https://idp.test', audiences: ['api'] };
  return rigOf([
    { realm: testRealm(), signingKeys: [secretKey(SECRET)], keySet: null },
    {
      realm: testRealm({ ...idp, algorithms: ['ES256', 'ES384', 'RS256'] }),
      signingKeys: [],
      keySet: fakeKeySet([publicKey(key)], unknownKid),
    },
  ]);
}

/** Would a careful reader of RFC 7515, 7519 and 8725 accept what this issuer signed? */
function isAcceptable({ signer, header, claims }: Genuine, nowSeconds: number): boolean {
  const { alg, kid, typ = 'JWT' } = header;
  const { iss, aud, sub, exp, nbf = 0, iat = 0 } = claims;
  const skew = 60;
  const isSeconds = (value: unknown): value is number => typeof value === 'number' && value >= 0;
  if (signer.name !== 'fusion' && signer.name !== 'corp') return false;
  if (alg !== signer.alg || ['crit', 'b64', 'zip', 'enc'].some((name) => header[name] !== undefined))
    return false;
  if (typeof typ !== 'string' || !/^(application\/)?(at\+)?jwt$/i.test(typ)) return false;
  if (kid !== undefined && (typeof kid !== 'string' || kid === '' || kid.length > 256)) return false;
  if (signer.name === 'corp' && kid !== undefined && kid !== 'k1') return false;
  if (Object.values(claims).some((value) => Number.isInteger(value) && !Number.isSafeInteger(value)))
    return false;
  if (iss !== (signer.name === 'fusion' ? 'fusion' : 'https://idp.test')) return false;
  if (!isSeconds(exp) || exp > 1e11 || exp + skew <= nowSeconds) return false;
  if (!isSeconds(nbf) || nbf > nowSeconds + skew) return false;
  if (!isSeconds(iat) || (iat > 1e11 ? iat / 1000 : iat) > nowSeconds + skew) return false;
  const audiences = Array.isArray(aud) ? aud : [aud];
  if (
    signer.name === 'corp' &&
    !(audiences.includes('api') && audiences.every((one) => typeof one === 'string'))
  )
    return false;
  return typeof sub === 'string' && sub !== '';
}

describe('createVerifier, fuzz', () => {
  it(`J01–J20 I4 judges ${COUNT} mutated tokens like the oracle (seed ${SEED})`, {
    timeout: 600_000,
  }, async () => {
    const random = seededRandom(SEED);
    const rig = makeRig();
    const nowSeconds = rig.clock() / 1000;
    const claims = goodClaims(rig.clock, { groups: ['group-one'] });
    const seeds = [
      makeGenuine(fusion, { alg: 'HS256', typ: 'JWT' }, claims),
      makeGenuine(fusion, { alg: 'HS256', kid: 'any' }, { ...claims, scope: 'read', x: '>>>???' }),
      makeGenuine(corp, { alg: 'ES256', kid: 'k1' }, { ...claims, iss: 'https://idp.test', aud: 'api' }),
    ];
    const genuine = new Map(seeds.map((one) => [one.text, one]));
    const next = (): string => {
      const from = random.pick(seeds);
      if (random.below(8) > 0) return random.pick(TEXT_MUTATIONS)(random, from, random.pick(seeds));
      const made = resigned(random, from, [fusion, corp, ...strangers], nowSeconds);
      if (made.signer === fusion || made.signer === corp) genuine.set(made.text, made);
      return made.text;
    };
    let accepted = 0;
    for (let done = 0; done < COUNT; done += BATCH) {
      const texts = Array.from({ length: BATCH }, next);
      // Throws what is no CountersignError.
      const verdicts = await Promise.all(texts.map((text) => rig.verdict(text)));
      for (const [index, text] of texts.entries()) {
        const known = genuine.get(text);
        const isExpected = known !== undefined && isAcceptable(known, nowSeconds);
        const isAccepted = verdicts[index] === 'accepted';
        if (isAccepted !== isExpected || verdicts[index] === 'internal_error')
          expect.fail(`${verdicts[index]}, expected ${isExpected}: ${text} (FUZZ_SEED=${SEED})`);
        accepted += isAccepted ? 1 : 0;
      }
    }
    process.stdout.write(`verifier fuzz: ${COUNT} tokens, ${accepted} accepted, seed ${SEED}\n`);
    expect(accepted).toBeGreaterThan(COUNT / 100);
  });
});
