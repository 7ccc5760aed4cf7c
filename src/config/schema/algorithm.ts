/** Names of signature algorithms as people write them: any case, and WSO2's SHA256withRSA. */
import { z } from 'zod';
import { ALGORITHMS, type Algorithm } from '../../core/realm.ts';
import { documented } from './values.ts';

/** WSO2 knows SHA256withRSA and NONE, and reads anything else as SHA256withRSA. Here anything else is an error. */
const WSO2_RS256 = 'SHA256WITHRSA';

const BY_UPPER_CASE: ReadonlyMap<string, Algorithm> = new Map([
  ...ALGORITHMS.map((algorithm) => [algorithm.toUpperCase(), algorithm] as const),
  [WSO2_RS256, 'RS256'],
]);

/** What the keyring can sign with. */
export const SIGNING_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'EdDSA',
  'HS256',
] as const satisfies readonly Algorithm[];
export type SigningAlgorithm = (typeof SIGNING_ALGORITHMS)[number];

function isSigningAlgorithm(algorithm: Algorithm): algorithm is SigningAlgorithm {
  return SIGNING_ALGORITHMS.some((known) => known === algorithm);
}

/** An algorithm of incoming tokens. `none` is not one: see `allowUnsigned`. */
export function verificationAlgorithm() {
  return z.string().transform((text, context): Algorithm => {
    const algorithm = BY_UPPER_CASE.get(text.toUpperCase());
    if (algorithm !== undefined) return algorithm;
    const hint = text.toUpperCase() === 'NONE' ? '; unsigned tokens need allowUnsigned: true' : '';
    context.addIssue({ code: 'custom', message: `is none of ${ALGORITHMS.join(', ')}${hint}` });
    return z.NEVER;
  });
}

/** An algorithm of assertions; `none` leaves them unsigned. `preset`: what applies without it, for the reference. */
export function assertionAlgorithm(preset: string) {
  return documented(z.string(), preset).transform((text, context): SigningAlgorithm | 'none' => {
    if (text.toUpperCase() === 'NONE') return 'none';
    const algorithm = BY_UPPER_CASE.get(text.toUpperCase());
    if (algorithm !== undefined && isSigningAlgorithm(algorithm)) return algorithm;
    context.addIssue({ code: 'custom', message: `is none of ${SIGNING_ALGORITHMS.join(', ')}, NONE` });
    return z.NEVER;
  });
}
