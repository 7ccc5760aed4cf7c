/** `upstreams`: where requests go, and how long that may take. */
import { z } from 'zod';
import { parseTarget } from './address.ts';
import { durationOr, filePath, text, unavailable } from './values.ts';

/** Answers by itself with what a backend would receive. */
export const BUILTIN_ECHO = 'builtin:echo';

const target = z.string().transform((text, context): string => {
  const origin = parseTarget(text);
  if (origin !== null) return origin;
  context.addIssue({
    code: 'custom',
    message: 'is no target: write http://host:port, https://host:port or unix:/path.sock, without a path',
  });
  return z.NEVER;
});

const timeoutsSchema = z
  .strictObject({
    connect: durationOr('5s', { min: '10ms', max: '5m' }).meta({
      description: 'Until the connection stands, TLS included; then 502.',
    }),
    response: durationOr('30s', { min: '10ms', max: '24h' }).meta({
      description: 'From the request sent to the head of the response; then 504.',
    }),
    idle: durationOr('60s', { min: '10ms', max: '24h' }).meta({
      description: 'Between two pieces of the response body; then the connection is cut.',
    }),
  })
  .prefault({});

const tlsSchema = z
  .strictObject({
    caFile: filePath()
      .nullable()
      .default(null)
      .meta({ description: 'PEM file of the authorities to trust; `null`: those of the system.' }),
    serverName: text()
      .nullable()
      .default(null)
      .meta({ description: 'Name to ask for and to verify; `null`: the host of the target.' }),
  })
  .prefault({});

export const upstreamSchema = z
  .strictObject({
    targets: z
      .array(target)
      .min(1, { error: 'is empty' })
      .max(1, { error: 'more than one target is not available in this version' })
      .meta({
        description: 'The one place where it listens: `http://host:port`, `https://host:port`, `unix:/path`.',
      }),
    timeouts: timeoutsSchema.meta({ description: 'How long it may take.' }),
    tls: tlsSchema.meta({ description: 'For https targets. Certificates are always verified.' }),
    balance: unavailable('an upstream has one target'),
    health: unavailable('active health checks'),
    retry: unavailable('retries'),
  })
  .meta({ description: 'A backend.' });

export type UpstreamConfig = z.output<typeof upstreamSchema>;

/** What `routes[].upstream` takes; names and URLs are told apart when the routes are compiled. */
export const upstreamReferenceSchema = z.union([text(), upstreamSchema], {
  error: `is none of: the name of an upstream, a URL, ${BUILTIN_ECHO}, {targets: […]}`,
});
