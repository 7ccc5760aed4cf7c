/** The lambdas of the catalog behind the port that the token service knows: arguments in, what they left out, console lines to the event log. */
import type { Json, JsonObject } from '../../core/json.ts';
import type { Logger } from '../../core/log.ts';
import type { Clock } from '../../core/time.ts';
import type { Application } from '../../objects/application.ts';
import type { Lambda } from '../../objects/lambda.ts';
import type { Registration } from '../../objects/user.ts';
import type { Catalog } from '../../tokens/catalog.ts';
import { type EventLogEntry, writeEventLogs } from '../../tokens/event-log.ts';
import { type FailureStatus, ServiceError } from '../../tokens/failure.ts';
import type { Lambdas } from '../../tokens/ports.ts';
import type { Store } from '../../tokens/store.ts';
import { mergeLambdaResult, parseArguments, visibleUser, withoutUndefined } from '../lambda-result.ts';
import { ARGS_MAX_CHARS, type EntryPoint, type LambdaOutcome } from './protocol.ts';
import { type Sandbox, SandboxBusyError } from './sandbox.ts';
import { mistakeInLambda } from './syntax.ts';

export interface LambdasOptions {
  readonly catalog: () => Catalog;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly sandbox: Sandbox;
}

interface Invocation {
  readonly entryPoint: EntryPoint;
  readonly args: readonly Json[];
  /** Indexes of the arguments that it may only read. */
  readonly frozen: readonly number[];
  /** What the caller is answered where it throws. */
  readonly thrownStatus: FailureStatus;
}

/** A lambda that is gone, throws, runs too long or leaves nonsense ends the call: nobody is let in without it. */
export function createLambdas(options: LambdasOptions): Lambdas {
  return {
    mistakeIn: (body) => unlessBusy(() => mistakeInLambda(options.sandbox, body)),
    async populate(lambdaId, { claims, user, registration, application }) {
      const args = [claims, visibleUser(user), registrationOf(registration), contextOf(application)];
      const lambda = lambdaOf(options, lambdaId);
      const run = { entryPoint: 'populate', args, frozen: [1, 2, 3], thrownStatus: 500 } as const;
      return await invoke(options, lambda, run, firstOf);
    },
    async reconcile(lambdaId, { user, registration, claims, application }) {
      const args = [visibleUser(user), registrationOf(registration), claims, contextOf(application)];
      const lambda = lambdaOf(options, lambdaId);
      const run = { entryPoint: 'reconcile', args, frozen: [2, 3], thrownStatus: 401 } as const;
      return await invoke(options, lambda, run, ([leftUser, leftRegistration]) =>
        mergeLambdaResult(
          { user, registration },
          { user: leftUser, registration: leftRegistration },
          application,
        ),
      );
    },
  };
}

function firstOf([claims]: readonly JsonObject[]): JsonObject {
  if (claims === undefined) throw new Error('The lambda left no claims');
  return claims;
}

function registrationOf(registration: Registration): JsonObject {
  return withoutUndefined(registration);
}

function contextOf({ id, name, tenantId }: Application): JsonObject {
  return { application: { id, name }, tenant: { id: tenantId } };
}

function lambdaOf({ catalog }: LambdasOptions, id: string): Lambda {
  const lambda = catalog().lambdas.get(id);
  if (lambda === undefined) throw new ServiceError(500, 'The lambda of the configuration is gone');
  return lambda;
}

async function invoke<Result>(
  options: LambdasOptions,
  lambda: Lambda,
  { args, thrownStatus, ...call }: Invocation,
  read: (left: readonly JsonObject[]) => Result,
): Promise<Result> {
  const text = JSON.stringify(args);
  if (text.length > ARGS_MAX_CHARS) throw new ServiceError(500, 'The lambda would be given too much');
  const { outcome, lines } = await unlessBusy(() =>
    options.sandbox.run({ ...call, body: lambda.body, args: text }),
  );
  const result = resultOf(outcome, read);
  const heard = lines.filter(({ type }) => type !== 'Debug' || lambda.debug);
  const entries = heard.map(({ type, text: said }) => entryOf(lambda, type, said));
  if (result.failure !== null) entries.push(entryOf(lambda, 'Error', result.failure));
  await writeEventLogs(options, entries);
  if (result.failure === null) return result.value;
  options.log.warn('Lambda failed', { lambda: lambda.id, outcome: outcome.kind });
  throw new ServiceError(outcome.kind === 'stopped' ? 500 : thrownStatus, `Lambda ${lambda.name} failed`);
}

async function unlessBusy<Result>(run: () => Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof SandboxBusyError) throw new ServiceError(503, error.message);
    throw error;
  }
}

type Result<Value> =
  | { readonly failure: null; readonly value: Value }
  /** For the event log. */
  | { readonly failure: string };

function resultOf<Value>(
  outcome: LambdaOutcome,
  read: (left: readonly JsonObject[]) => Value,
): Result<Value> {
  if (outcome.kind !== 'returned') return { failure: outcome.message };
  try {
    return { failure: null, value: read(parseArguments(outcome.args)) };
  } catch (error) {
    return { failure: error instanceof Error ? error.message : 'It left nonsense' };
  }
}

function entryOf(lambda: Lambda, type: EventLogEntry['type'], said: string): EventLogEntry {
  return { type, message: `Lambda ${lambda.name} (${lambda.id}): ${said}` };
}
