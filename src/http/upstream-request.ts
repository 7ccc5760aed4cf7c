/** From an Allow to the request that the upstream receives: path, Host, headers. */
import type { Readable } from 'node:stream';
import { withoutQueryParameters } from '../core/credential.ts';
import type { Allow, GatewayRequest } from '../core/decision.ts';
import { type HeaderPolicy, headerValues } from '../core/headers.ts';
import { forwardPath } from '../core/route.ts';
import { credentialNames, type Forwarding, upstreamHeaders } from '../forward/headers.ts';
import type { UpstreamRequest } from '../forward/upstream.ts';
import type { ClientOrigin } from './client-address.ts';

export interface UpstreamRequestInput {
  readonly request: GatewayRequest;
  readonly allow: Allow;
  readonly headerPolicy: HeaderPolicy;
  readonly requestId: string;
  readonly origin: ClientOrigin;
  readonly isTls: boolean;
  /** Host of the upstream, for routes that do not keep the client's. */
  readonly authority: string;
  readonly body: Readable | null;
}

export function upstreamRequest(input: UpstreamRequestInput): UpstreamRequest {
  const { request, allow, body, headerPolicy, requestId } = input;
  const { route, assertion } = allow;
  const clientHost = allow.target.authority ?? headerValues(request.headers, 'host')[0] ?? null;
  const keptHost = route.preserveHost ? clientHost : null;
  const headers = upstreamHeaders({
    headers: request.headers,
    policy: headerPolicy,
    route,
    assertion,
    host: keptHost ?? input.authority,
    hasBody: body !== null,
    requestId,
    forwarding: forwarding(input, clientHost),
  });
  const target = targetOf(allow);
  return {
    method: request.method,
    target,
    headers,
    keepsHost: keptHost !== null,
    body,
    headerPolicy,
    assertionHeader: assertion?.header ?? null,
  };
}

/** Bytes matched are bytes forwarded: only the configured prefix and the credential are taken away. */
function targetOf(allow: Allow): string {
  const { route, target } = allow;
  const { parameters } = credentialNames(route);
  const isKept = route.forwardAuthorization || parameters.size === 0;
  const query = isKept ? target.query : withoutQueryParameters(target.query, parameters);
  return forwardPath(route, target.path) + query;
}

function forwarding(input: UpstreamRequestInput, clientHost: string | null): Forwarding {
  const { origin, isTls } = input;
  return {
    forwardedFor: origin.forwardedFor,
    forwardedHost: origin.host ?? clientHost,
    forwardedProto: origin.proto ?? (isTls ? 'https' : 'http'),
  };
}
