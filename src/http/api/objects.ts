/** The operations that all configuration objects share: create, retrieve, list, update, patch, delete. */
import { z } from 'zod';
import type { Stamped } from '../../objects/values.ts';
import { uuid } from '../../objects/values.ts';
import type { CatalogKind, CatalogObjects } from '../../tokens/catalog.ts';
import { fieldOf, listObjects, readObject } from '../../tokens/objects/catalog-object.ts';
import { empty, json } from './answer.ts';
import type { Call } from './call.ts';
import { mergePatch } from './merge-patch.ts';
import { type Operation, operation } from './operation.ts';
import { withoutNulls } from './render.ts';
import { stamps } from './schemas.ts';
import { validate } from './validate.ts';

/** What is different from one kind to the next. */
export interface ObjectKind<Kind extends CatalogKind, Body extends object> {
  readonly kind: Kind;
  /** `Tenant` and `Tenants`, for the names of operations. */
  readonly name: string;
  readonly names: string;
  readonly path: string;
  readonly body: z.ZodType<Body>;
  /**
   * Who may touch objects that belong to no tenant, or to all: `change` and `all` keep API keys that are bound to a
   * tenant from changing them, or from seeing them too.
   */
  readonly reserved?: 'change' | 'all';
  /** What answers show. */
  readonly shown: z.ZodType;
  render(object: CatalogObjects[Kind]): Record<string, unknown>;
  /** With what answers hide: what a PATCH is laid over. Absent: they hide nothing that can be changed. */
  whole?(call: Call, object: CatalogObjects[Kind]): Record<string, unknown>;
  /** As shown to its maker: an API key is seen once. */
  create(call: Call, id: string | undefined, body: Body): Promise<Record<string, unknown>>;
  /** `keepsHidden`: the body may lack what answers hide, or what bounds the object, which stays then. */
  replace(call: Call, id: string, body: Body, keepsHidden: boolean): Promise<CatalogObjects[Kind]>;
  remove(call: Call, id: string): Promise<void>;
  /** What goes with it. Absent: nothing. */
  readonly removal?: string;
}

const params = z.object({ id: uuid() });

type Reserved = Pick<ObjectKind<CatalogKind, object>, 'reserved'>;

function forChange({ reserved }: Reserved) {
  return reserved === undefined ? {} : ({ needsAllTenants: true } as const);
}

function forReading({ reserved }: Reserved) {
  return reserved === 'all' ? ({ needsAllTenants: true } as const) : {};
}

export function objectOperations<Kind extends CatalogKind, Body extends object>(
  kind: ObjectKind<Kind, Body>,
): Operation[] {
  return [...commonOperations(kind), listing(kind), deleting(kind)];
}

/** Without list and delete, which some kinds have in another form. */
export function commonOperations<Kind extends CatalogKind, Body extends object>(
  kind: ObjectKind<Kind, Body>,
): Operation[] {
  return [...creating(kind), retrieving(kind), ...changing(kind)];
}

function creating<Kind extends CatalogKind, Body extends object>(
  declared: ObjectKind<Kind, Body>,
): Operation[] {
  const { kind, name, path } = declared;
  const field = fieldOf(kind);
  const body = wrapped(declared);
  const create = async (call: Call, id: string | undefined, object: Body) =>
    json(200, { [field]: await declared.create(call, id ?? idOf(object), object) });
  const common = {
    method: 'POST',
    tag: name,
    auth: 'apiKey',
    answers: { 200: one(declared) },
    ...forChange(declared),
  } as const;
  return [
    operation({
      ...common,
      path,
      operationId: `create${name}`,
      summary: 'Makes one, with the id it names or a new one.',
      request: { body },
      handle: async (call, request) => await create(call, undefined, memberOf(request.body, field)),
    }),
    operation({
      ...common,
      path: `${path}/{id}`,
      operationId: `create${name}WithId`,
      summary: 'Makes one with this id.',
      request: { params, body },
      handle: async (call, request) => await create(call, request.params.id, memberOf(request.body, field)),
    }),
  ];
}

function retrieving<Kind extends CatalogKind, Body extends object>(
  declared: ObjectKind<Kind, Body>,
): Operation {
  const { kind, name, path, render } = declared;
  return operation({
    method: 'GET',
    path: `${path}/{id}`,
    operationId: `retrieve${name}`,
    ...forReading(declared),
    summary: 'Shows one.',
    tag: name,
    auth: 'apiKey',
    request: { params },
    answers: { 200: one(declared) },
    handle: async (call, request) =>
      json(200, { [fieldOf(kind)]: render(readObject(call.service, kind, request.params.id, call.scope)) }),
  });
}

export function listing<Kind extends CatalogKind, Body extends object>(
  declared: ObjectKind<Kind, Body>,
): Operation {
  const { kind, name, names, path, render, shown } = declared;
  return operation({
    method: 'GET',
    path,
    operationId: `retrieve${names}`,
    ...forReading(declared),
    summary: 'Shows all that the call may see.',
    tag: name,
    auth: 'apiKey',
    request: {},
    answers: { 200: { description: 'All of them.', schema: z.object({ [kind]: z.array(shown) }) } },
    handle: async (call) => json(200, { [kind]: listObjects(call.service, kind, call.scope).map(render) }),
  });
}

export function deleting<Kind extends CatalogKind, Body extends object>(
  declared: ObjectKind<Kind, Body>,
): Operation {
  const { name, path, remove, removal = 'Takes it away.' } = declared;
  return operation({
    ...forChange(declared),
    method: 'DELETE',
    path: `${path}/{id}`,
    operationId: `delete${name}`,
    summary: removal,
    tag: name,
    auth: 'apiKey',
    request: { params },
    answers: { 200: { description: 'It is gone.' } },
    handle: async (call, request) => {
      await remove(call, request.params.id);
      return empty(200);
    },
  });
}

function changing<Kind extends CatalogKind, Body extends object>(
  declared: ObjectKind<Kind, Body>,
): Operation[] {
  const { kind, name, path, render } = declared;
  const field = fieldOf(kind);
  const body = wrapped(declared);
  const replace = async (
    call: Call,
    id: string,
    wrapper: Readonly<Record<string, Body>>,
    keepsHidden: boolean,
  ) =>
    json(200, { [field]: render(await declared.replace(call, id, memberOf(wrapper, field), keepsHidden)) });
  const common = { path: `${path}/{id}`, tag: name, auth: 'apiKey', ...forChange(declared) } as const;
  return [
    operation({
      ...common,
      method: 'PUT',
      operationId: `update${name}`,
      summary: 'Puts another in its place.',
      request: { params, body },
      answers: { 200: one(declared) },
      handle: async (call, request) => await replace(call, request.params.id, request.body, true),
    }),
    operation({
      ...common,
      method: 'PATCH',
      operationId: `patch${name}`,
      summary: 'Changes the members that are sent (RFC 7396).',
      request: { params, body: z.object({ [field]: z.record(z.string(), z.unknown()) }) },
      answers: { 200: one(declared) },
      handle: async (call, request) => {
        const present = readObject(call.service, kind, request.params.id, call.scope);
        const whole = declared.whole?.(call, present) ?? render(present);
        const merged = mergePatch(whole, memberOf(request.body, field));
        return await replace(call, request.params.id, validate(body, { [field]: merged }), false);
      },
    }),
  ];
}

/** `{"tenant": {…}}`: the field names of complaints begin with the member. */
function wrapped<Kind extends CatalogKind, Body extends object>(declared: ObjectKind<Kind, Body>) {
  const { kind, name, body } = declared;
  return z.object({ [fieldOf(kind)]: body }).meta({ id: `${name}Request` });
}

function one<Kind extends CatalogKind, Body extends object>(declared: ObjectKind<Kind, Body>) {
  return { description: 'The object.', schema: z.object({ [fieldOf(declared.kind)]: declared.shown }) };
}

/** The members of a body, without those that answers hide, and the stamps. */
export function shownObject(id: string, body: z.ZodObject, hidden: readonly string[] = []): z.ZodType {
  const members = Object.entries(body.shape).filter(([member]) => !hidden.includes(member));
  return z.object({ ...Object.fromEntries(members), ...stamps }).meta({ id });
}

/** Of a body that its schema has passed. */
function memberOf<T>(wrapper: Readonly<Record<string, T>>, field: string): T {
  const value = wrapper[field];
  if (value === undefined) throw new TypeError(`no ${field} in a body that was checked`);
  return value;
}

function idOf(object: object): string | undefined {
  return 'id' in object && typeof object.id === 'string' ? object.id : undefined;
}

/** For kinds without secrets. */
export function renderAsIs(object: Stamped): Record<string, unknown> {
  return withoutNulls(object);
}
