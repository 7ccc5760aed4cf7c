/** An External JWT identity provider for tests: its key, its tokens, and reconcile as the API calls it. */
import { createForeignTokens } from '../../src/app/foreign-tokens.ts';
import { createTokenSigning } from '../../src/app/token-signing.ts';
import type { Clock } from '../../src/core/time.ts';
import { createDocumentFetcher } from '../../src/forward/fetch-document.ts';
import { checkIdentityProvider } from '../../src/identity-providers/check-provider.ts';
import type { ReconcileInput } from '../../src/identity-providers/login-request.ts';
import type { ForeignTokens } from '../../src/identity-providers/ports.ts';
import { type ReconcileResult, reconcile } from '../../src/identity-providers/reconcile.ts';
import { createKeySetRegistry } from '../../src/jwt/key-set-registry.ts';
import { type IdentityProvider, identityProviderSchema } from '../../src/objects/identity-provider.ts';
import { lambdaSchema } from '../../src/objects/lambda.ts';
import type { EventLog } from '../../src/tokens/event-log-table.ts';
import {
  createIdentityProvider,
  replaceIdentityProvider,
} from '../../src/tokens/objects/identity-providers.ts';
import { importKey } from '../../src/tokens/objects/keys.ts';
import { createLambda } from '../../src/tokens/objects/lambdas.ts';
import type { LoginResult } from '../../src/tokens/result.ts';
import type { Scope, TokenService } from '../../src/tokens/service.ts';
import { silentLog } from './open-store.ts';
import { fakeScheduler } from './scheduler.ts';
import { APP_A, APP_N, EVERYWHERE } from './token-fixtures.ts';
import type { TestTokenService } from './token-service.ts';
import { signed, type TestKey, testKey } from './tokens.ts';

/** "Acme Corp. ADFS": key acme-1, domains [acme.com], LinkByEmail, enabled for APP_A and APP_N. */
export const IDP1 = '00000000-0000-4000-8000-000000000501';
export const K_ACME = '00000000-0000-4000-8000-000000000411';

/** ES256: made in a moment. */
export const acme = testKey('ES256', 'acme-1');

export function publicPem(key: TestKey): string {
  return key.publicKey.export({ format: 'pem', type: 'spki' }).toString();
}

/** Members of the provider as the API takes them. */
export type ProviderMembers = Record<string, unknown>;

const IDP1_MEMBERS: ProviderMembers = {
  name: 'Acme Corp. ADFS',
  enabled: true,
  verificationKeyIds: [K_ACME],
  defaultKeyId: K_ACME,
  domains: ['acme.com'],
  applicationConfiguration: { [APP_A]: { enabled: true }, [APP_N]: { enabled: true } },
};

export interface TestProvider {
  readonly tokens: ForeignTokens;
  /** IDP1 with other members. */
  change(members: ProviderMembers): Promise<void>;
  /** X: signed by acme-1, of bob@acme.com, for five minutes; other claims and header members as given. */
  token(claims?: object, header?: object, key?: TestKey): string;
  /** Reconciles a token with APP_A, unless told otherwise. */
  reconcile(token: string, input?: Partial<ReconcileInput>, scope?: Scope): Promise<ReconcileResult>;
  /** The same, where a login is expected. */
  login(token: string, input?: Partial<ReconcileInput>): Promise<LoginResult>;
  /** Makes IDP1 use a new lambda of this source; `more`: other members of the provider. */
  useLambda(body: string, lambdaMembers?: object, more?: ProviderMembers): Promise<void>;
  /** Oldest first. */
  eventLogs(): Promise<readonly EventLog[]>;
}

/** Puts IDP1 into a service with fixtures. */
export async function addProvider(
  { service, clock }: Pick<TestTokenService, 'service' | 'clock'>,
  members: ProviderMembers = {},
): Promise<TestProvider> {
  const publicKey = publicPem(acme);
  await importKey(service, K_ACME, { name: 'acme', kid: 'acme-1', algorithm: 'ES256', publicKey });
  const body = (more: ProviderMembers) =>
    identityProviderSchema.parse({ ...IDP1_MEMBERS, ...members, ...more });
  await createIdentityProvider(service, IDP1, body({}), checkIdentityProvider);
  return joinProvider({ service, clock }, body);
}

/** On a service that shares the database of one that has IDP1. */
export function joinProvider(
  { service, clock }: Pick<TestTokenService, 'service' | 'clock'>,
  body: (more: ProviderMembers) => ReturnType<typeof identityProviderSchema.parse> = (more) =>
    identityProviderSchema.parse({ ...IDP1_MEMBERS, ...more }),
): TestProvider {
  const tokens = foreignTokensOf(service, clock);
  const change = async (more: ProviderMembers) => {
    await replaceIdentityProvider(service, IDP1, body(more), EVERYWHERE, checkIdentityProvider);
  };
  const run: TestProvider['reconcile'] = (token, input = {}, scope = EVERYWHERE) =>
    reconcile(
      service,
      { tokens },
      { applicationId: APP_A, identityProviderId: IDP1, token, ...input },
      scope,
    );
  return {
    tokens,
    change,
    token: (claims = {}, header = {}, key = acme) =>
      signed(key, { ...claimsOfBob(clock), ...claims }, header),
    reconcile: run,
    async login(token, input) {
      const result = await run(token, input);
      if (result.status === 232) throw new Error('a pending link instead of a login');
      return result;
    },
    async useLambda(source, lambdaMembers = {}, more = {}) {
      const lambda = { name: 'shape', type: 'ExternalJWTReconcile', body: source, ...lambdaMembers };
      const { id } = await createLambda(service, undefined, lambdaSchema.parse(lambda));
      await change({ lambdaConfiguration: { reconcileId: id }, ...more });
    },
    async eventLogs() {
      const { eventLogs } = await service.store.eventLogs.search({ startRow: 0, numberOfResults: 500 });
      return eventLogs.toReversed();
    },
  };
}

function foreignTokensOf(service: TokenService, clock: TestTokenService['clock']): ForeignTokens {
  const { schedule } = fakeScheduler(clock);
  const fetcherFor = (ca: string | null) => createDocumentFetcher({ ca });
  const registry = createKeySetRegistry({ clock, random: () => 0.5, schedule, log: silentLog, fetcherFor });
  const { verifyingKey } = createTokenSigning(service.sealer);
  return createForeignTokens({ catalog: () => service.catalog(), verifyingKey, registry });
}

function claimsOfBob(clock: Clock): object {
  return {
    sub: 'bob-at-acme',
    email: 'bob@acme.com',
    email_verified: true,
    preferred_username: 'bob',
    first_name: 'Bob',
    company: 'Acme. Corp',
    exp: Math.floor(clock() / 1000) + 300,
  };
}

/** For checks without a store. */
export function providerOf(members: ProviderMembers = {}): IdentityProvider {
  const body = identityProviderSchema.parse({ ...IDP1_MEMBERS, ...members });
  return { ...body, id: IDP1, insertInstant: 0, lastUpdateInstant: 0, source: 'API' };
}
