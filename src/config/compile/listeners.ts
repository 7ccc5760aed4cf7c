/** `listeners`: where the process listens, and with which certificates. */
import type { ListenerTls } from '../../core/listener-tls.ts';
import type { ConfigPath } from '../issue.ts';
import { type BindAddress, isLoopback } from '../schema/address.ts';
import type { ListenerTlsConfig } from '../schema/listeners.ts';
import type { CompileContext } from './context.ts';
import { certificatesIn, isPair } from './pem.ts';

export interface ProxyListenerSettings {
  readonly bind: BindAddress;
  /** Null: plain HTTP. */
  readonly tls: ListenerTls | null;
  readonly proxyProtocol: boolean;
}

export interface ListenersSettings {
  readonly proxy: ProxyListenerSettings;
  readonly ops: { readonly bind: BindAddress };
  /** Null: not served. */
  readonly api: Omit<ProxyListenerSettings, 'proxyProtocol'> | null;
}

const MIN_VERSIONS = { '1.2': 'TLSv1.2', '1.3': 'TLSv1.3' } as const;

export function compileListeners(context: CompileContext): ListenersSettings {
  const { listeners, trustedProxies } = context.config.settings;
  const { bind, tls, proxyProtocol } = listeners.proxy;
  if (proxyProtocol && trustedProxies.length === 0)
    context.refuse(
      ['listeners', 'proxy', 'proxyProtocol'],
      'needs trustedProxies: only they may say who a client is, and nobody else could connect',
    );
  refuseSharedAddresses(context);
  const path = ['listeners', 'proxy', 'tls'];
  return {
    proxy: { bind, tls: tls === null ? null : compileTls(tls, path, context), proxyProtocol },
    ops: { bind: listeners.ops.bind },
    api: compileApi(context),
  };
}

/** Port 0 is a new one each time. */
function refuseSharedAddresses(context: CompileContext): void {
  const { proxy, ops, api } = context.config.settings.listeners;
  const taken = new Map<string, string>();
  for (const [name, { bind }] of Object.entries(api.enabled ? { proxy, ops, api } : { proxy, ops })) {
    const address = `${bind.host} ${bind.port}`;
    const other = taken.get(address);
    taken.set(address, name);
    if (other !== undefined && bind.port !== 0)
      context.refuse(['listeners', name, 'bind'], `is the address of listeners.${other} too`);
  }
}

/** API keys, passwords and tokens travel there. */
function compileApi(context: CompileContext): ListenersSettings['api'] {
  const { enabled, bind, tls, insecure } = context.config.settings.listeners.api;
  const path = ['listeners', 'api', 'tls'];
  if (!enabled) return null;
  if (tls === null && !isLoopback(bind.host) && !insecure)
    context.refuse(
      ['listeners', 'api', 'bind'],
      'is reached from other machines: give it tls, or say insecure: true where TLS ends in front',
    );
  if (insecure && tls === null)
    context.warn(['listeners', 'api', 'insecure'], 'API keys and tokens travel in the clear');
  return { bind, tls: tls === null ? null : compileTls(tls, path, context) };
}

/** Null after refusing. */
function compileTls(tls: ListenerTlsConfig, path: ConfigPath, context: CompileContext): ListenerTls | null {
  const certificate = certificatesOf(tls.certFile, [...path, 'certFile'], context);
  const privateKey = context.readSecretText(tls.keyFile, [...path, 'keyFile']);
  const clientAuthorities =
    tls.clientCaFile === null ? null : certificatesOf(tls.clientCaFile, [...path, 'clientCaFile'], context);
  if (certificate === null || privateKey === null) return null;
  if (!isPair(certificate, privateKey))
    context.refuse([...path, 'keyFile'], 'is not the private key of the certificate in certFile');
  return { certificate, privateKey, minVersion: MIN_VERSIONS[tls.minVersion], clientAuthorities };
}

function certificatesOf(file: string, path: ConfigPath, context: CompileContext): string | null {
  const pem = context.readText(file, path);
  if (pem === null || certificatesIn(pem) !== null) return pem;
  context.refuse(path, 'the file holds no PEM certificate');
  return null;
}
