/** The secret half of a refresh token: what its holder has, and what the store keeps in its place. */
import type { RefreshTokenRecord } from './refresh-token.ts';
import type { TokenService } from './service.ts';

/** 320 bits, 54 characters: the form of FusionAuth's newer tokens, and far beyond guessing (RFC 6819 §5.1.4.2.2). */
const VALUE_BYTES = 40;
/** Separates look-ups of refresh tokens from those of other secrets. */
const LOOKUP_PURPOSE = 'refresh-token';

export interface NewValue extends Pick<RefreshTokenRecord, 'lookup' | 'sealedValue'> {
  readonly value: string;
}

/** `id`: the token's, which the sealed value is bound to. */
export function newRefreshTokenValue(
  { random, sealer }: Pick<TokenService, 'random' | 'sealer'>,
  id: string,
): NewValue {
  const value = random.token(VALUE_BYTES);
  return {
    value,
    lookup: refreshTokenLookup({ sealer }, value),
    sealedValue: sealer.seal(value, refreshTokenContext(id)),
  };
}

/** What a presented value is found by. */
export function refreshTokenLookup({ sealer }: Pick<TokenService, 'sealer'>, value: string): string {
  return sealer.lookup(value, LOOKUP_PURPOSE);
}

/** The current value. */
export function openRefreshToken(
  { sealer }: Pick<TokenService, 'sealer'>,
  { id, sealedValue }: Pick<RefreshTokenRecord, 'id' | 'sealedValue'>,
): string {
  return sealer.open(sealedValue, refreshTokenContext(id));
}

/** Binds a sealed value to its token. */
export function refreshTokenContext(id: string): string {
  return `refreshToken.value ${id}`;
}
