/** docs/openapi.json: the operations as OpenAPI 3.1, from the declarations that serve them. */
import { z } from 'zod';
import { API_BODY_MAX_TEXT, FORM_TYPE, JSON_TYPE } from './body.ts';
import { endpointOf } from './caller.ts';
import type { AnswerDeclaration, Operation } from './operation.ts';
import { errorsAnswer } from './schemas.ts';

/** A JSON object of the document. */
type Part = Readonly<Record<string, unknown>>;

const API_KEY = 'apiKey';
const TOKEN = 'accessToken';
const COOKIE = 'accessTokenCookie';

/** What any of these stands for, each alone being enough. */
const SECURITY = {
  apiKey: [{ [API_KEY]: [] }],
  jwt: [{ [TOKEN]: [] }, { [COOKIE]: [] }],
  apiKeyOrJwt: [{ [API_KEY]: [] }, { [TOKEN]: [] }, { [COOKIE]: [] }],
  optionalApiKey: [{ [API_KEY]: [] }, {}],
  none: [],
} as const satisfies Record<Operation['auth'], readonly Part[]>;

const SECURITY_SCHEMES: Part = {
  [API_KEY]: {
    type: 'apiKey',
    in: 'header',
    name: 'Authorization',
    description: 'The key is the whole value: no scheme.',
  },
  [TOKEN]: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
  [COOKIE]: { type: 'apiKey', in: 'cookie', name: 'access_token' },
};

const TENANT_PARAMETER: Part = {
  name: 'X-FusionAuth-TenantId',
  in: 'header',
  description: 'The only tenant whose objects the call may see.',
  schema: { type: 'string', format: 'uuid' },
};

export function openApiDocument(operations: readonly Operation[], version: string): Part {
  const components = new Components();
  const paths: Record<string, Record<string, Part>> = {};
  for (const operation of operations)
    paths[operation.path] = {
      ...paths[operation.path],
      [operation.method.toLowerCase()]: describe(operation, components),
    };
  return {
    openapi: '3.1.1',
    info: {
      title: 'countersign token service',
      version,
      description:
        'FusionAuth’s API for tokens and External JWT identity providers, as far as countersign serves it. Unknown members of bodies are ignored.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    tags: [...new Set(operations.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas: components.schemas(),
      parameters: { TenantId: TENANT_PARAMETER },
      responses: components.refusals(),
      securitySchemes: SECURITY_SCHEMES,
    },
  };
}

function describe(operation: Operation, components: Components): Part {
  const { operationId, summary, tag, auth, request, answers } = operation;
  return {
    operationId,
    summary,
    tags: [tag],
    ...(auth === 'none'
      ? {}
      : { description: `API keys name it by the endpoint \`${endpointOf(operation)}\`.` }),
    security: SECURITY[auth],
    parameters: [
      ...parametersOf('path', request.params, components),
      ...parametersOf('query', request.query, components),
      { $ref: '#/components/parameters/TenantId' },
    ],
    ...(request.body === undefined ? {} : { requestBody: bodyOf(operation, request.body, components) }),
    responses: { ...refusalsOf(operation), ...answersOf(answers, components) },
  };
}

function parametersOf(
  place: 'path' | 'query',
  schema: z.ZodType | undefined,
  components: Components,
): Part[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = components.jsonSchema(schema, 'input');
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    schema: property,
  }));
}

function bodyOf({ acceptsForm }: Operation, schema: z.ZodType, components: Components): Part {
  const media = { schema: components.jsonSchema(schema, 'input') };
  return { content: { [JSON_TYPE]: media, ...(acceptsForm === true ? { [FORM_TYPE]: media } : {}) } };
}

function answersOf(answers: Readonly<Record<number, AnswerDeclaration>>, components: Components): Part {
  return Object.fromEntries(
    Object.entries(answers).map(([status, { description, schema }]) => [
      status,
      schema === undefined
        ? { description }
        : { description, content: { [JSON_TYPE]: { schema: components.jsonSchema(schema, 'output') } } },
    ]),
  );
}

/** What any operation may answer. */
const REFUSALS: Readonly<Record<string, { readonly description: string; readonly hasErrors: boolean }>> = {
  400: { description: 'The request is not in order; the body says what.', hasErrors: true },
  401: {
    description: 'The credential is missing, wrong or not enough. No body, whatever the cause.',
    hasErrors: false,
  },
  403: { description: 'A page of another site made the call with a cookie of this one.', hasErrors: false },
  404: { description: 'There is no such object, or not for this call.', hasErrors: false },
  409: { description: 'It was changed meanwhile; nothing was done.', hasErrors: true },
  413: { description: `The body is larger than ${API_BODY_MAX_TEXT}.`, hasErrors: true },
  429: { description: 'Too many calls; Retry-After says how many seconds to wait.', hasErrors: true },
  500: { description: 'A defect; the log has its cause under the X-Request-Id.', hasErrors: false },
  503: { description: 'The database cannot be reached. Nothing was changed.', hasErrors: true },
};

const CHANGING: readonly string[] = ['PUT', 'PATCH'];

function refusalsOf(operation: Operation): Part {
  const isLimited = operation.auth === 'none' || operation.auth === 'optionalApiKey';
  const left = [
    ...(operation.isGuarded === true ? [] : ['403']),
    ...(CHANGING.includes(operation.method) ? [] : ['409']),
    ...(operation.request.body === undefined ? ['413'] : []),
    ...(isLimited ? [] : ['429']),
  ];
  const statuses = Object.keys(REFUSALS).filter((status) => !left.includes(status));
  return Object.fromEntries(statuses.map((status) => [status, { $ref: `#/components/responses/${status}` }]));
}

/** The parts of a JSON Schema that are looked at here. */
interface ObjectSchema extends Part {
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly required?: readonly string[];
}

/** Schemas with a name of their own stand once under components. */
class Components {
  readonly #schemas = new Map<string, unknown>();

  jsonSchema(schema: z.ZodType, io: 'input' | 'output'): ObjectSchema {
    const { $schema: _, $defs = {}, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
    for (const [name, definition] of Object.entries($defs)) {
      if (!ANY_JSON.test(`#/$defs/${name}`)) this.#schemas.set(name, referring(definition));
    }
    return objectSchema(referring(rest));
  }

  schemas(): Part {
    this.jsonSchema(z.object({ errors: errorsAnswer }), 'output');
    return Object.fromEntries([...this.#schemas].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }

  refusals(): Part {
    const errors = { content: { [JSON_TYPE]: { schema: { $ref: '#/components/schemas/Errors' } } } };
    return Object.fromEntries(
      Object.entries(REFUSALS).map(([status, { description, hasErrors }]) => [
        status,
        { description, ...(hasErrors ? errors : {}) },
      ]),
    );
  }
}

/** From zod's schema to OpenAPI's: named ones stand elsewhere, and notes that say nothing new are left out. */
function referring(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(referring);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).filter(([name, member]) => !isLeftOut(name, member, value));
  return Object.fromEntries(
    members.map(([name, member]) => [name, name === '$ref' ? newReference(member) : referring(member)]),
  );
}

/** What zod calls a schema that holds itself and has no name; here only `any JSON value` does. */
const ANY_JSON = /^#\/\$defs\/__schema\d+$/;

/** The name of a named schema, references to any JSON value, and patterns of formats. */
function isLeftOut(name: string, member: unknown, { format }: { readonly format?: unknown }): boolean {
  if (name === 'id') return typeof member === 'string';
  if (name === '$ref') return typeof member === 'string' && ANY_JSON.test(member);
  return name === 'pattern' && format === 'uuid';
}

function newReference(reference: unknown): unknown {
  return typeof reference === 'string' ? reference.replace('#/$defs/', '#/components/schemas/') : reference;
}

function objectSchema(value: unknown): ObjectSchema {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
