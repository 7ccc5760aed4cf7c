/** `routes[]`: which requests go where, who may send them, and what the backend is told. */
import { z } from 'zod';
import { parseHost } from '../../core/host.ts';
import { COMMON_METHODS, NAMED_METHODS } from '../../core/method.ts';
import { canonicalOrigin } from '../../core/page-origin.ts';
import { canonicalPath, PATH_AMBIGUITIES } from '../../core/path.ts';
import { assertionOverrideSchema } from './assertion.ts';
import { upstreamReferenceSchema } from './upstream.ts';
import { name, text } from './values.ts';

const hostPattern = z.string().transform((pattern, context): string => {
  const [, wildcard = '', rest = ''] = /^(\*\.)?(.*)$/s.exec(pattern) ?? [];
  const name = pattern === '*' ? pattern : hostName(rest);
  if (name !== null) return wildcard + name;
  context.addIssue({ code: 'custom', message: 'is no host: write api.example.com, "*.example.com" or "*"' });
  return z.NEVER;
});

/** As requests are compared with it; null for what is none, has a port or a trailing dot. */
function hostName(text: string): string | null {
  if (!/[^:.]$/.test(text)) return null;
  try {
    const { name, port } = parseHost(text);
    return port === null ? name : null;
  } catch {
    return null;
  }
}

const pathPrefix = z.string().check((context) => {
  const problem = prefixProblem(context.value);
  if (problem !== null) context.issues.push({ code: 'custom', message: problem, input: '' });
});

/** A prefix that is not canonical would never match: requests are compared in canonical form. */
function prefixProblem(prefix: string): string | null {
  if (!prefix.startsWith('/')) return 'must begin with /';
  if (prefix !== '/' && prefix.endsWith('/'))
    return 'must not end with /: a prefix always matches whole segments';
  try {
    const { path, matchPath, ambiguities } = canonicalPath(prefix);
    if (ambiguities[0] !== undefined) return `is ambiguous: ${ambiguities[0]}`;
    return path === prefix && matchPath === prefix ? null : `is not canonical; write ${matchPath}`;
  } catch {
    return 'is no path: dot segments, backslashes and characters outside RFC 3986 are not allowed';
  }
}

const webOrigin = z.string().transform((text, context): string => {
  const origin = canonicalOrigin(text);
  if (origin !== null) return origin;
  context.addIssue({
    code: 'custom',
    message: 'is no origin: write https://app.example.com, without a path',
  });
  return z.NEVER;
});

const matchSchema = z.strictObject({
  hosts: z
    .array(hostPattern)
    .min(1, { error: 'is empty: write ["*"] for all hosts' })
    .prefault(['*'])
    .meta({ description: 'Exact names, `*.example.com`, or `*`.' }),
  pathPrefix: pathPrefix.meta({
    description: 'Matches whole segments; the longest prefix wins.',
    examples: ['/placeFinder/1.0.0', '/'],
  }),
  methods: z
    .array(
      z
        .string()
        .toUpperCase()
        .pipe(z.enum([...COMMON_METHODS, ...NAMED_METHODS])),
    )
    .prefault([])
    .meta({
      description:
        'Empty: GET, HEAD, POST, PUT, PATCH, DELETE and OPTIONS. Others, such as PROPFIND or PURGE, only go where they are listed; elsewhere they are 405. GET includes HEAD.',
      examples: [['GET', 'PROPFIND']],
    }),
});

const namesSchema = z
  .strictObject({
    any: z.array(text()).default([]).meta({ description: 'One of these suffices; empty: no condition.' }),
    all: z.array(text()).default([]).meta({ description: 'Each of these is needed.' }),
  })
  .prefault({});

const claimValue = z.union([z.string(), z.number(), z.boolean()]);

const requireSchema = z
  .strictObject({
    roles: namesSchema.meta({ description: 'Roles of the caller; else 403 `insufficient_role`.' }),
    scopes: namesSchema.meta({ description: 'Scopes of the token; else 403 `insufficient_scope`.' }),
    claims: z
      .record(text(), z.union([claimValue, z.array(claimValue).min(1)]))
      .default({})
      .meta({
        description: 'Claim name or JSON pointer to its value, or to a list of accepted values.',
        examples: [{ department: ['sales', 'support'] }],
      }),
  })
  .prefault({});

const applicationText = (description: string) => text().nullable().default(null).meta({ description });

const applicationSchema = z
  .strictObject({
    id: applicationText('Claim `applicationid`. In quotes: ids are text.'),
    uuid: applicationText('Claim `applicationUUId`.'),
    name: text().optional().meta({ description: 'Claim `applicationname`. Default: the name of the route.' }),
    subscriber: applicationText('Claim `subscriber`.'),
    tier: applicationText('Claim `tier`.'),
    context: applicationText('Claim `apicontext`.'),
    version: applicationText('Claim `version`. In quotes where it looks like a number.'),
    claims: z
      .array(text())
      .nullable()
      .default(null)
      .meta({ description: 'Claims sent when `assertion.userClaims.selective` is on.' }),
  })
  .prefault({});

export const routeSchema = z.strictObject({
  name: name().meta({ description: 'Unique name, for logs and metrics.', examples: ['placefinder'] }),
  match: matchSchema.meta({ description: 'Which requests.' }),
  allowPath: z
    .array(z.enum(PATH_AMBIGUITIES))
    .default([])
    .meta({ description: 'Ambiguous spellings to let through, where every reading leads to this route.' }),
  upstream: upstreamReferenceSchema.meta({
    description:
      'Where they go: the name of an upstream, a URL, `builtin:echo`, or an upstream written here.',
    examples: ['places', 'http://127.0.0.1:9000', 'builtin:echo'],
  }),
  stripPrefix: z.boolean().default(false).meta({ description: 'Forward the path without the prefix.' }),
  preserveHost: z.boolean().default(false).meta({ description: 'Forward the Host of the client.' }),
  auth: z.enum(['required', 'optional', 'none']).default('required').meta({
    description:
      'optional: callers without token pass as anonymous, a bad token is refused. none: not looked at.',
  }),
  mode: z.enum(['enforce', 'shadow']).default('enforce').meta({
    description: 'shadow: decide, log and count, but let refused requests pass without an assertion.',
  }),
  realms: z
    .array(text())
    .min(1, { error: 'is empty: leave it out for all realms' })
    .optional()
    .meta({ description: 'Realms whose tokens are accepted. Default: all.' }),
  require: requireSchema.meta({ description: 'What the caller must have.' }),
  application: applicationSchema.meta({ description: 'What the default claims say about the application.' }),
  forwardAuthorization: z.boolean().default(false).meta({
    description: 'Hand the Authorization header of the caller to the backend.',
  }),
  pageOrigins: z
    .array(webOrigin)
    .default([])
    .meta({
      description:
        'Other sites whose pages may open WebSockets and send anything but GET, HEAD and OPTIONS here with a token in a cookie; pages of the same host always may.',
      examples: [['https://app.example.com']],
    }),
  endWebSocketsWithToken: z.boolean().default(false).meta({
    description: 'Close a WebSocket when the token that opened it ends. By default it lives on.',
  }),
  assertion: assertionOverrideSchema
    .optional()
    .meta({ description: 'Single keys of `assertion`, for this route.' }),
});

export type RouteConfig = z.output<typeof routeSchema>;
