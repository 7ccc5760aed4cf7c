/** `upstreams`: where requests go, how long that may take, and what is tried when it fails. */
import { z } from 'zod';
import { IDEMPOTENT_METHODS } from '../../core/upstream.ts';
import { parseTarget } from './address.ts';
import { durationOr, filePath, text } from './values.ts';

/** Answers by itself with what a backend would receive. */
export const BUILTIN_ECHO = 'builtin:echo';

/** One request looks at all of them; more belong behind a name or a load balancer. */
const TARGETS_MAX = 64;
/** Each attempt is another chance to wait for `timeouts.connect`. */
const ATTEMPTS_MAX = 5;
/** A target that needs more checks in a row is not judged by them. */
const CHECKS_MAX = 100;

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
      description: 'Until the connection stands, TLS included; then another target, or 504.',
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
    certFile: filePath()
      .nullable()
      .default(null)
      .meta({ description: 'PEM file of the client certificate, with its chain; `null`: none is shown.' }),
    keyFile: filePath()
      .nullable()
      .default(null)
      .meta({ description: 'PEM file of its private key. Needed with `certFile`.' }),
  })
  .prefault({});

/** Visible ASCII from `/` on, without a fragment: what stands in a request line (RFC 9112 §3.2.1). */
const HEALTH_PATH = /^\/[\x21\x22\x24-\x7e]*$/;

const checks = () => z.int().min(1).max(CHECKS_MAX).default(2);

const healthSchema = z.strictObject({
  path: z
    .string()
    .regex(HEALTH_PATH, { error: 'is no path: write /health' })
    .meta({ description: 'Asked with GET. 2xx and 3xx are healthy, everything else is not.' }),
  interval: durationOr('10s', { min: '100ms', max: '1h' }).meta({
    description: 'From the end of one check to the start of the next.',
  }),
  timeout: durationOr('1s', { min: '10ms', max: '1m' }).meta({ description: 'For the whole check.' }),
  unhealthyAfter: checks().meta({ description: 'Failures in a row that take a target out.' }),
  healthyAfter: checks().meta({ description: 'Successes in a row that take it in again.' }),
});

const retryMethod = z.enum(IDEMPOTENT_METHODS, {
  error: `is none of ${IDEMPOTENT_METHODS.join(', ')}: only idempotent methods may reach a target twice (RFC 9110 §9.2.2)`,
});

const retrySchema = z
  .strictObject({
    attempts: z.int().min(0).max(ATTEMPTS_MAX).default(1).meta({
      description:
        'Further attempts after the first; `0`: none. Together at most a fifth of the requests, or ten in ten seconds where that is more.',
    }),
    methods: z.array(retryMethod).default(['GET', 'HEAD']).meta({
      description:
        'Requests without a body that are sent again when the connection is lost before a byte of the answer. What no connection took goes to another target whatever its method: it was never sent.',
    }),
  })
  .prefault({});

export const upstreamSchema = z
  .strictObject({
    targets: z
      .array(target)
      .min(1, { error: 'is empty' })
      .max(TARGETS_MAX, { error: `has more than ${TARGETS_MAX} entries` })
      .meta({
        description:
          'Where it listens: `http://host:port`, `https://host:port`, `unix:/path`, one or several.',
      }),
    balance: z.enum(['roundRobin', 'leastRequests']).default('roundRobin').meta({
      description:
        'Which of the targets takes a request: each in turn, or the one with the fewest requests under way.',
    }),
    health: healthSchema.nullable().default(null).meta({
      description: 'Checks of each target; `null`: none. Where all fail, all are tried all the same.',
    }),
    timeouts: timeoutsSchema.meta({ description: 'How long it may take.' }),
    retry: retrySchema.meta({ description: 'What is tried again when a target fails.' }),
    tls: tlsSchema.meta({ description: 'For https targets. Certificates are always verified.' }),
  })
  .meta({ description: 'A backend.' });

export type UpstreamConfig = z.output<typeof upstreamSchema>;

/** What `routes[].upstream` takes; names and URLs are told apart when the routes are compiled. */
export const upstreamReferenceSchema = z.union([text(), upstreamSchema], {
  error: `is none of: the name of an upstream, a URL, ${BUILTIN_ECHO}, {targets: […]}`,
});
