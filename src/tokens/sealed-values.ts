/** Where the store holds sealed text, and what binds each text to its place. */
import { deliveryContext } from './events/call.ts';
import { refreshTokenContext } from './refresh-token-value.ts';
import { SIGNING_KEYS_CONTEXT } from './signing-key-table.ts';

/** All places, in the order in which they are sealed anew: first what a start needs. */
export const SEALED_PLACES = [
  'lookupKey',
  'catalogObjects',
  'signingKeys',
  'refreshTokens',
  'webhookDeliveries',
] as const;
export type SealedPlace = (typeof SEALED_PLACES)[number];

export interface SealedValue {
  /** Of its row, among those of the place. Of a configuration object `<kind> <id>`. */
  readonly id: string;
  readonly sealed: string;
}

export interface ResealedValue extends SealedValue {
  /** What takes the place of `sealed`. */
  readonly next: string;
}

/** Every method may throw StoreUnavailableError. */
export interface SealedValueTable {
  /** In the order of ids, those behind `after`, at most `maxCount`. */
  page(place: SealedPlace, after: string, maxCount: number): Promise<readonly SealedValue[]>;
  /** Compare and set, each by itself, within a transaction. Gives back how many were still what was seen. */
  replace(place: SealedPlace, values: readonly ResealedValue[]): Promise<number>;
}

/** Binds a configuration object to its row. `ref`: `<kind> <id>`. */
export function catalogContext(ref: string): string {
  return `catalog ${ref}`;
}

/** Binds the key of look-ups to its place. */
export const LOOKUP_KEY_CONTEXT = 'look-up key';

/** What a text of the place is bound to. */
export const SEALED_CONTEXTS: Readonly<Record<SealedPlace, (id: string) => string>> = {
  lookupKey: () => LOOKUP_KEY_CONTEXT,
  catalogObjects: catalogContext,
  signingKeys: () => SIGNING_KEYS_CONTEXT,
  refreshTokens: refreshTokenContext,
  webhookDeliveries: deliveryContext,
};
