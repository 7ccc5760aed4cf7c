/** What became of a reconcile, for people: in the event log where the provider is being debugged, else in the log. */
import { writeEventLogs } from '../tokens/event-log.ts';
import { TokenRejectedError } from '../tokens/ports.ts';
import type { TokenService } from '../tokens/service.ts';
import type { ReconcileInput } from './login-request.ts';
import type { ForeignTokens } from './ports.ts';

/** `outcome`: status and why; the caller of the API is told the status only. */
export async function reportReconcile(
  service: TokenService,
  tokens: ForeignTokens,
  { applicationId, identityProviderId, token }: ReconcileInput,
  outcome: string,
): Promise<void> {
  service.log.debug('Reconcile', { applicationId, identityProviderId, outcome });
  const provider = service.catalog().identityProviders.get(identityProviderId);
  if (provider?.debug !== true) return;
  const message = [
    `External JWT identity provider ${provider.name} (${provider.id})`,
    `Application: ${applicationId}`,
    ...describeToken(tokens, token),
    `Decision: ${outcome}`,
  ].join('\n');
  await writeEventLogs(service, [{ type: 'Debug', message }]);
}

/** Decoded, and without the signature: what stands in the log opens nothing. */
function describeToken(tokens: ForeignTokens, token: string): readonly string[] {
  try {
    const { header, claims } = tokens.read(token);
    return [
      `Header: ${JSON.stringify(header)}`,
      `Claims: ${JSON.stringify(claims)}`,
      'Signature: (redacted)',
    ];
  } catch (error) {
    if (!(error instanceof TokenRejectedError)) throw error;
    return [`Token: not readable, ${error.message}`];
  }
}
