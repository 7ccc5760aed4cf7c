/** `upstreams.*.tls`: whom the gateway trusts, and what it shows of itself. Files that do not fit are found here, not by a client. */
import type { ClientCertificate, UpstreamTls } from '../../core/upstream.ts';
import type { ConfigPath } from '../issue.ts';
import type { UpstreamConfig } from '../schema/upstream.ts';
import type { CompileContext } from './context.ts';
import { certificatesIn, isPair } from './pem.ts';

export function compileUpstreamTls(
  { targets, tls }: UpstreamConfig,
  path: ConfigPath,
  context: CompileContext,
): UpstreamTls {
  const isUsed = targets.some((url) => url.startsWith('https:'));
  const given = Object.entries(tls).find(([, value]) => value !== null);
  if (!isUsed && given !== undefined)
    context.refuse([...path, given[0]], 'has no effect: no target begins with https://');
  return {
    ca: authoritiesOf(tls.caFile, [...path, 'caFile'], context),
    serverName: tls.serverName,
    client: clientCertificateOf(tls, path, context),
  };
}

function authoritiesOf(file: string | null, path: ConfigPath, context: CompileContext): string | null {
  if (file === null) return null;
  const pem = context.readText(file, path);
  if (pem !== null && certificatesIn(pem) === null) context.refuse(path, 'the file holds no PEM certificate');
  return pem;
}

function clientCertificateOf(
  { certFile, keyFile }: UpstreamConfig['tls'],
  path: ConfigPath,
  context: CompileContext,
): ClientCertificate | null {
  if (certFile === null && keyFile === null) return null;
  if (certFile === null || keyFile === null) {
    const [given, missing] = certFile === null ? ['keyFile', 'certFile'] : ['certFile', 'keyFile'];
    context.refuse([...path, given], `needs ${missing} beside it`);
    return null;
  }
  const certificate = context.readText(certFile, [...path, 'certFile']);
  const privateKey = context.readSecretText(keyFile, [...path, 'keyFile']);
  if (certificate === null || privateKey === null) return null;
  if (!isPair(certificate, privateKey))
    context.refuse([...path, 'keyFile'], 'is not the private key of the certificate in certFile');
  return { certificate, privateKey };
}
