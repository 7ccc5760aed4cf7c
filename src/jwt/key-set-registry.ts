/** Shares one engine between all realms that name the same key set, and keeps it across reloads of the configuration. */
import type { DocumentFetcher } from '../core/document.ts';
import { createKeySet, type KeySetPorts, type KeySetSettings, type RemoteKeySet } from './jwks.ts';

export interface RegisteredKeySetSettings extends KeySetSettings {
  /** PEM certificates that the fetch trusts; null: the system's. */
  readonly ca: string | null;
}

export interface KeySetRegistryOptions extends Omit<KeySetPorts, 'fetchDocument'> {
  readonly fetcherFor: (ca: string | null) => DocumentFetcher;
}

export interface KeySetRegistry {
  /**
   * The engine for these settings, started if it is new. Realms share the fetch, not the trust: issuer, audiences and
   * algorithms stay with the realm. Each call wants one `release`.
   */
  acquire(settings: RegisteredKeySetSettings): RemoteKeySet;
  /** Closes the engine when nobody else holds it. Acquire for the new configuration before releasing the old one's. */
  release(keySet: RemoteKeySet): void;
  /** All engines held, each once. */
  keySets(): readonly RemoteKeySet[];
}

interface Held {
  readonly keySet: RemoteKeySet;
  holders: number;
}

export function createKeySetRegistry(options: KeySetRegistryOptions): KeySetRegistry {
  const heldByKey = new Map<string, Held>();
  return {
    acquire(settings) {
      const key = keyOf(settings);
      const held = heldByKey.get(key) ?? { keySet: startedKeySet(settings, options), holders: 0 };
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

function startedKeySet(settings: RegisteredKeySetSettings, options: KeySetRegistryOptions): RemoteKeySet {
  const keySet = createKeySet({ ...options, ...settings, fetchDocument: options.fetcherFor(settings.ca) });
  void keySet.start();
  return keySet;
}

function keyOf({ source, ...settings }: RegisteredKeySetSettings): string {
  const { timeoutMs, cacheTtlMs, cooldownMs, maxStaleMs, ca } = settings;
  const where = source.kind === 'url' ? source.url : source.issuer;
  return JSON.stringify([source.kind, where, timeoutMs, cacheTtlMs, cooldownMs, maxStaleMs, ca]);
}
