/** Makes a token that a realm accepts, from what the realm itself is configured with. */
import { randomUUID } from 'node:crypto';
import type { SigningKeySettings } from '../config/compile/signing-key.ts';
import type { ClaimPath } from '../core/claim-path.ts';
import { isJsonObject, type Json, type JsonObject, member } from '../core/json.ts';
import type { Realm } from '../core/realm.ts';
import { numericDate } from '../core/time.ts';
import { type CallerKey, makeCallerToken, pemCallerKey, secretCallerKey } from '../jwt/caller-token.ts';
import type { Configuration } from './configuration.ts';

export interface CallerTokenOrder {
  readonly realm: string;
  readonly subject: string;
  readonly groups: readonly string[];
  readonly scopes: readonly string[];
  /** Further claims, by name. They win over the ones made here. */
  readonly claims: JsonObject;
  readonly lifeMs: number;
  readonly nowMs: number;
  /** For realms that have only public keys; null: the secret of the realm. */
  readonly privateKeyPem: string | null;
  readonly kid: string | null;
}

/** What was asked for cannot be made. For the operator. */
export class CallerTokenError extends Error {
  override readonly name = 'CallerTokenError';
}

/** @throws CallerTokenError, KeyPolicyError */
export async function callerToken(
  configuration: Pick<Configuration, 'compiled'>,
  order: CallerTokenOrder,
): Promise<string> {
  const { realms } = configuration.compiled;
  const realm = realms.find(({ name }) => name === order.realm);
  if (realm === undefined)
    throw new CallerTokenError(
      `no realm "${order.realm}"; there are ${realms.map(({ name }) => name).join(', ')}`,
    );
  return await makeCallerToken(claimsOf(realm, order), callerKey(configuration, realm, order));
}

function callerKey(
  { compiled }: Pick<Configuration, 'compiled'>,
  realm: Realm,
  order: CallerTokenOrder,
): CallerKey | null {
  const { privateKeyPem, kid } = order;
  if (privateKeyPem !== null) return pemCallerKey(realm, privateKeyPem, kid);
  if (realm.allowUnsigned) return null;
  const signingKey = compiled.realmKeys.get(realm.name)?.signingKey ?? null;
  const secret = signingKey === null ? null : secretOf(signingKey);
  if (secret !== null) return secretCallerKey(realm, secret, kid ?? signingKey?.kid ?? null);
  throw new CallerTokenError(`realm ${realm.name} has public keys only: give --private-key FILE`);
}

function secretOf(signingKey: SigningKeySettings): Uint8Array | null {
  if (signingKey.kind === 'secret') return signingKey.bytes;
  const value = signingKey.kind === 'jwk' ? member(signingKey.jwk, 'k') : undefined;
  return typeof value === 'string' ? Buffer.from(value, 'base64url') : null;
}

function claimsOf(realm: Realm, order: CallerTokenOrder): JsonObject {
  const issuedAt = numericDate(order.nowMs);
  const made: JsonObject = {
    iss: realm.issuer,
    ...(realm.audiences[0] === undefined ? {} : { aud: realm.audiences[0] }),
    iat: issuedAt,
    exp: issuedAt + numericDate(order.lifeMs),
    jti: randomUUID(),
  };
  const named = withClaim(made, realm.subjectClaim, order.subject);
  const grouped =
    realm.groupsClaim === null || order.groups.length === 0
      ? named
      : withClaim(named, realm.groupsClaim, order.groups);
  const scoped =
    order.scopes.length === 0 ? grouped : withClaim(grouped, realm.scopesClaim, order.scopes.join(' '));
  return { ...scoped, ...order.claims };
}

/** The claims with a value at the path; members on the way are made. */
function withClaim(claims: JsonObject, { segments }: Pick<ClaimPath, 'segments'>, value: Json): JsonObject {
  const [first = '', ...rest] = segments;
  if (rest.length === 0) return { ...claims, [first]: value };
  const inner = member(claims, first);
  return { ...claims, [first]: withClaim(isJsonObject(inner) ? inner : {}, { segments: rest }, value) };
}
