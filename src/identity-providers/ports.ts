/** What identity providers ask of other rooms: foreign tokens read and verified. app/ plugs it in. */
import type { JsonObject } from '../core/json.ts';
import type { Key } from '../objects/key.ts';

/** What a foreign token may be signed with. The provider's settings choose it, never the token alone. */
export type ForeignKeys =
  /** Any of these objects of the catalog. */
  | { readonly kind: 'keys'; readonly keys: readonly Key[] }
  /** A public key or certificate in PEM. */
  | { readonly kind: 'pem'; readonly pem: string }
  /** What the key set at the URL has under this name. */
  | { readonly kind: 'keySet'; readonly url: string; readonly kid: string };

/** A strict compact JWS. Nothing in it is verified. */
export interface ForeignToken {
  readonly header: JsonObject;
  readonly claims: JsonObject;
  /**
   * Signature, and `exp` and `nbf` in force (`exp` required). Which key it is, was decided: `kid` is not looked at.
   * Gives back the claims, which can be believed then.
   *
   * @throws TokenRejectedError; ServiceError 503 where the key set cannot be had
   */
  verify(keys: ForeignKeys, nowMs: number): Promise<JsonObject>;
}

export interface ForeignTokens {
  /** @throws TokenRejectedError */
  read(token: string): ForeignToken;
}
