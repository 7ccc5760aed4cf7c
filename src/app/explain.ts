/** Decisions made for people: the same engine as the gateway, with every step told and nothing forwarded. */
import { publicReason } from '../core/challenge.ts';
import type { Decision } from '../core/decision.ts';
import { type CountersignError, toCountersignError } from '../core/errors.ts';
import { forwardPath } from '../core/route.ts';
import { decide } from '../gateway/decide.ts';
import { requireKnownMethod, requireServedMethod } from '../http/http1/request-line.ts';
import type { AttributeSource } from './attribute-source.ts';
import type { Configuration } from './configuration.ts';
import { createQuietRuntime } from './runtime.ts';
import { buildSnapshot, type Snapshot } from './snapshot.ts';
import { lookAtTokenService } from './token-service-look.ts';

export interface ExplainedRequest {
  readonly method: string;
  /** Absolute URL, or a path of localhost. */
  readonly url: string;
  readonly token: string | null;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** A configuration that was read with the lookup of `attributes`. */
export interface LookedAt {
  readonly configuration: Configuration;
  readonly attributes: AttributeSource;
}

export async function explainRequest(
  lookedAt: LookedAt,
  request: ExplainedRequest,
): Promise<{ text: string; isAllowed: boolean }> {
  return await withSnapshot(lookedAt, async (snapshot) => {
    const steps: string[] = [];
    const { host, target } = addressOf(request.url);
    const authorization = request.token === null ? [] : ['Authorization', `Bearer ${request.token}`];
    const headers = ['Host', host, ...authorization, ...request.headers.flat()];
    const method = request.method.toUpperCase();
    const [path = '', query = ''] = target.split(/(?=\?)/);
    const title = `${method} ${path}${hidden(query)} (Host ${host})\n`;
    const refusal = methodRefusal(method);
    if (refusal !== null) return { text: title + denialText(refusal), isAllowed: false };
    const decision = await decide(
      { method, target, headers, httpVersion: '1.1' },
      snapshot.policy,
      (step, detail) => steps.push(line(step, detail)),
    );
    return { text: title + steps.join('') + verdictText(decision), isAllowed: decision.verdict === 'allow' };
  });
}

export async function inspectToken(
  lookedAt: LookedAt,
  token: string,
): Promise<{ text: string; isAccepted: boolean }> {
  return await withSnapshot(lookedAt, async (snapshot) => {
    const texts: string[] = [partText('header', token, 0), partText('claims', token, 1)];
    let isAccepted = false;
    for (const { realm } of snapshot.realms) {
      const steps: string[] = [];
      try {
        const { principal } = await snapshot.verifier.verify(token, [realm], (step, detail) =>
          steps.push(line(step, detail)),
        );
        isAccepted = true;
        steps.push(
          line(
            '=> accepted',
            `subject ${JSON.stringify(principal.subject)}, roles ${principal.roles.join(', ') || 'none'}`,
          ),
        );
      } catch (thrown) {
        const error = toCountersignError(thrown);
        steps.push(line('=> refused', `${publicReason(error)} (${error.message})`));
      }
      texts.push(`\nrealm ${realm.name}\n`, ...steps);
    }
    return { text: texts.join(''), isAccepted };
  });
}

const STEP_WIDTH = 12;

function line(step: string, detail: string): string {
  return `  ${step.padEnd(STEP_WIDTH)} ${detail}\n`;
}

/** The part as JSON on one line, or why it is none. What is shown is the operator's own token. */
function partText(name: string, token: string, index: number): string {
  const text = Buffer.from(token.split('.')[index] ?? '', 'base64url').toString('utf8');
  try {
    return line(name, JSON.stringify(JSON.parse(text)));
  } catch {
    return line(name, 'is no JSON');
  }
}

/** What the server refuses before it asks for a decision. */
function methodRefusal(method: string): CountersignError | null {
  try {
    requireKnownMethod(method);
    requireServedMethod(method);
    return null;
  } catch (thrown) {
    return toCountersignError(thrown);
  }
}

function denialText(error: CountersignError): string {
  return line('=> deny', `${error.status} ${publicReason(error)} (${error.message})`);
}

function verdictText(decision: Decision): string {
  if (decision.verdict === 'deny') return denialText(decision.error);
  const { route, target, token, assertion, shadowed } = decision;
  const caller =
    token === null ? 'anonymous' : `${JSON.stringify(token.principal.subject)} of realm ${token.realm.name}`;
  const lines = [
    shadowed === null
      ? ''
      : line(
          'shadow',
          `would be refused: ${shadowed.status} ${publicReason(shadowed)} (${shadowed.message})`,
        ),
    line(
      '=> allow',
      `${caller}, forwarded to ${route.upstream} as ${forwardPath(route, target.path)}${hidden(target.query)}`,
    ),
  ];
  if (assertion === null) return lines.join('') + line('assertion', 'none');
  // Signed with the keys in use, it would open every backend of the route: its claims were told, its value is not.
  return lines.join('') + line('assertion', `${assertion.header}, ${assertion.value.length} bytes`);
}

/** Queries carry tokens. */
function hidden(query: string): string {
  return query === '' ? '' : '?…';
}

function addressOf(url: string): { host: string; target: string } {
  const absolute = /^https?:\/\/([^/?#]+)(.*)$/i.exec(url);
  if (absolute === null) return { host: 'localhost', target: url.startsWith('/') ? url : `/${url}` };
  const [, host = '', rest = ''] = absolute;
  return { host, target: rest.startsWith('/') ? rest : `/${rest}` };
}

/**
 * A snapshot that is looked at and thrown away: nothing is made, changed or logged. What is asked of the token service
 * comes from its store as it is now, whether a gateway runs on it or not.
 */
async function withSnapshot<T>(
  { configuration, attributes }: LookedAt,
  use: (snapshot: Snapshot) => Promise<T>,
): Promise<T> {
  const runtime = createQuietRuntime(configuration.compiled);
  const tokenService = await lookAtTokenService(configuration.compiled, runtime);
  const running = tokenService === null || 'missing' in tokenService ? null : tokenService;
  try {
    attributes.use(running);
    const snapshot = await buildSnapshot(configuration, { ...runtime, isPassing: true, tokenService });
    try {
      return await use(snapshot);
    } finally {
      await snapshot.close();
    }
  } finally {
    await running?.close();
  }
}
