/** Shares one engine between all realms that name the same key set, and keeps it across reloads of the configuration. */
import type { DocumentFetcher } from '../core/document.ts';
import { createKeySet, type KeySetPorts, type KeySetSettings, type RemoteKeySet } from './jwks.ts';
import type { LoadedKeySet } from './loaded-key-set.ts';

export interface RegisteredKeySetSettings extends KeySetSettings {
  /** PEM certificates that the fetch trusts; null: the system's. */
  readonly ca: string | null;
}

export interface KeySetRegistryOptions extends Omit<KeySetPorts, 'fetchDocument' | 'initial'> {
  readonly fetcherFor: (ca: string | null) => DocumentFetcher;
}

export interface KeySetRegistry {
  /**
   * The engine for these settings, started if it is new. Realms share the fetch, not the trust: issuer, audiences and
   * algorithms stay with the realm. A new engine begins with what another one has from the same source: other times
   * than before are no reason to have no keys while the issuer is away. Each call wants one `release`.
   */
  acquire(settings: RegisteredKeySetSettings): RemoteKeySet;
  /** Closes the engine when nobody else holds it. Acquire for the new configuration before releasing the old one's. */
  release(keySet: RemoteKeySet): void;
  /** All engines held, each once. */
  keySets(): readonly RemoteKeySet[];
}

interface Held {
  readonly place: string;
  readonly keySet: RemoteKeySet;
  holders: number;
}

export function createKeySetRegistry(options: KeySetRegistryOptions): KeySetRegistry {
  const heldByKey = new Map<string, Held>();

  function start(settings: RegisteredKeySetSettings): Held {
    const place = placeOf(settings);
    const initial = newest([...heldByKey.values()].filter((held) => held.place === place));
    return { place, keySet: startedKeySet(settings, { ...options, initial }), holders: 0 };
  }

  return {
    acquire(settings) {
      const key = keyOf(settings);
      const held = heldByKey.get(key) ?? start(settings);
      heldByKey.set(key, held);
      held.holders += 1;
      return held.keySet;
    },
    release(keySet) {
      const entry = [...heldByKey].find(([, held]) => held.keySet === keySet);
      if (entry === undefined) return;
      const [key, held] = entry;
      held.holders -= 1;
      if (held.holders > 0) return;
      heldByKey.delete(key);
      keySet.close();
    },
    keySets: () => [...heldByKey.values()].map(({ keySet }) => keySet),
  };
}

/** What was fetched last by one of them. */
function newest(held: readonly Held[]): LoadedKeySet | null {
  const loaded = held.flatMap(({ keySet }) => (keySet.loaded === null ? [] : [keySet.loaded]));
  return loaded.toSorted((a, b) => b.fetchedAtMs - a.fetchedAtMs)[0] ?? null;
}

function startedKeySet(
  settings: RegisteredKeySetSettings,
  options: KeySetRegistryOptions & Pick<KeySetPorts, 'initial'>,
): RemoteKeySet {
  const keySet = createKeySet({ ...options, ...settings, fetchDocument: options.fetcherFor(settings.ca) });
  void keySet.start();
  return keySet;
}

function keyOf(settings: RegisteredKeySetSettings): string {
  const { timeoutMs, cacheTtlMs, cooldownMs, maxStaleMs } = settings;
  return JSON.stringify([placeOf(settings), timeoutMs, cacheTtlMs, cooldownMs, maxStaleMs]);
}

/** Where keys come from, and whom the fetch trusts. */
function placeOf({ source, ca }: RegisteredKeySetSettings): string {
  return JSON.stringify([source.kind, source.kind === 'url' ? source.url : source.issuer, ca]);
}
