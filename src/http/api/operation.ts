/** One operation of the API: the declaration from which routing, authentication, validation and docs/openapi.json come. */
import type { z } from 'zod';
import type { ApiMethod } from '../../objects/api-key.ts';
import type { Authentication } from '../../tokens/authenticate.ts';
import type { Answer } from './answer.ts';
import type { Call } from './call.ts';
import { validate } from './validate.ts';

export type Method = ApiMethod;

/** Shapes of what a caller sends. Absent: nothing is looked at. */
export interface RequestSchemas {
  /** Of the path. */
  readonly params?: z.ZodType;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
}

export type RequestOf<Schemas extends RequestSchemas> = {
  readonly [Part in keyof Schemas]: Schemas[Part] extends z.ZodType ? z.output<Schemas[Part]> : never;
};

/** A status and what comes with it. */
export interface AnswerDeclaration {
  readonly description: string;
  /** Absent: an empty body. */
  readonly schema?: z.ZodType;
}

interface Common {
  readonly method: Method;
  /** With `{name}` for what varies. */
  readonly path: string;
  /** As the official client calls it. Names the operation in log and metrics too. */
  readonly operationId: string;
  readonly summary: string;
  readonly tag: string;
  readonly auth: Authentication;
  /** What it touches belongs to no tenant: an API key bound to one may not call it. */
  readonly needsAllTenants?: true;
  /** Takes a form in place of JSON. */
  readonly acceptsForm?: true;
  /** The API key may come as the password of Basic authentication, as OAuth clients send secrets. */
  readonly acceptsBasic?: true;
  /** A token cookie can vouch for it: pages of other sites are refused. */
  readonly isGuarded?: true;
  /** The official client says `text/plain` and sends nothing. */
  readonly allowsPlainText?: true;
  /** How it is refused before its handler is called, where not as FusionAuth does. */
  readonly refuse?: (thrown: unknown) => Answer;
  /** By status. 400 to 503 are those of every operation, unless they stand here. */
  readonly answers: Readonly<Record<number, AnswerDeclaration>>;
}

export interface Operation extends Common {
  readonly request: RequestSchemas;
  /** Validates and serves. @throws ServiceError */
  run(call: Call, given: GivenRequest): Promise<Answer>;
}

/** As it came. */
export interface GivenRequest {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
}

interface Declaration<Schemas extends RequestSchemas> extends Common {
  readonly request: Schemas;
  handle(call: Call, request: RequestOf<Schemas>): Promise<Answer>;
}

export function operation<Schemas extends RequestSchemas>({
  handle,
  ...declared
}: Declaration<Schemas>): Operation {
  return {
    ...declared,
    run: async (call, given) => await handle(call, parseRequest(declared.request, given)),
  };
}

/** Each part by its schema. @throws ServiceError 400 */
function parseRequest<Schemas extends RequestSchemas>(
  schemas: Schemas,
  given: GivenRequest,
): RequestOf<Schemas> {
  const parts = {
    ...(schemas.params === undefined ? {} : { params: validate(schemas.params, given.params) }),
    ...(schemas.query === undefined ? {} : { query: validate(schemas.query, given.query) }),
    ...(schemas.body === undefined ? {} : { body: validate(schemas.body, given.body) }),
  };
  return parts as RequestOf<Schemas>;
}
