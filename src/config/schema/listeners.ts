/** `listeners`, `limits` and `observability`: the edge of the process. */
import { z } from 'zod';
import { bindAddress, isLoopback } from './address.ts';
import { durationOr, filePath, sizeOr, unavailableListener } from './values.ts';

const listenerTlsSchema = z.strictObject({
  certFile: filePath().meta({ description: 'PEM file of the certificate, with its chain.' }),
  keyFile: filePath().meta({ description: 'PEM file of its private key, without passphrase.' }),
  minVersion: z.enum(['1.2', '1.3']).default('1.2').meta({ description: 'Oldest TLS that is spoken.' }),
  clientCaFile: filePath().nullable().default(null).meta({
    description:
      'PEM file of authorities: clients without a certificate of theirs are refused. `null`: none is asked for.',
  }),
});

export type ListenerTlsConfig = z.output<typeof listenerTlsSchema>;

export const listenersSchema = z
  .strictObject({
    proxy: z
      .strictObject({
        bind: bindAddress('0.0.0.0:8080').meta({
          description: 'Address and port for clients, IPv6 in brackets. Port 0 takes a free one.',
        }),
        tls: listenerTlsSchema.nullable().default(null).meta({
          description: '`null`: plain HTTP. Changed certificates are used from the next reload on.',
        }),
        proxyProtocol: z.boolean().default(false).meta({
          description:
            'Connections begin with a PROXY protocol header, version 2, and come from `trustedProxies`; others are closed.',
        }),
      })
      .prefault({})
      .meta({ description: 'For clients; serves `/.well-known/jwks.json` for backends too.' }),
    decision: unavailableListener('forward-auth and ext_authz over HTTP'),
    extAuthz: unavailableListener('ext_authz over gRPC'),
    api: z
      .strictObject({
        enabled: z.boolean().default(false).meta({ description: 'Whether the API is served.' }),
        bind: bindAddress('127.0.0.1:9011').meta({ description: 'Address and port, IPv6 in brackets.' }),
        tls: listenerTlsSchema.nullable().default(null).meta({
          description: 'Needed beyond the loopback address, unless `insecure` says otherwise.',
        }),
        insecure: z.boolean().default(false).meta({
          description: 'Serve plain HTTP beyond the loopback address: TLS ends in front of us.',
        }),
      })
      .prefault({})
      .meta({ description: 'The API of the token service.' }),
    ops: z
      .strictObject({
        bind: bindAddress('127.0.0.1:9090')
          .refine(({ host }) => isLoopback(host), {
            error: 'must be a loopback address: health, metrics and keys are shown without authentication',
          })
          .meta({ description: 'Address and port; loopback only.' }),
      })
      .prefault({})
      .meta({ description: 'For operators: `/healthz`, `/readyz`, `/metrics`.' }),
  })
  .prefault({})
  .meta({ description: 'Where the process listens.' });

export const reloadSchema = z
  .strictObject({
    watch: z.boolean().default(true).meta({
      description: 'Reload when this file, or a file that it names, has changed. `false`: only on SIGHUP.',
    }),
  })
  .prefault({})
  .meta({ description: 'When the configuration is read again. A file with a mistake changes nothing.' });

/** A head is kept until its last line came: a hundred slow clients may cost a hundred megabytes. */
const HEADER_BYTES = { min: '1KiB', max: '1MiB' };

export const limitsSchema = z
  .strictObject({
    headerBytes: sizeOr('16KiB', HEADER_BYTES).meta({
      description: 'Request line and headers of one request; more is 431.',
    }),
    headerCount: z.int().min(8).max(2000).default(100).meta({
      description: 'Header lines of one request; more is 431.',
    }),
    headersTimeout: durationOr('10s', { min: '100ms', max: '10m' }).meta({
      description: 'Until the headers are complete. A longer wait lets slow clients pin sockets.',
    }),
    requestTimeout: durationOr('300s', { min: '100ms', max: '24h' }).meta({
      description: 'Until the request with its body is complete.',
    }),
    idleTimeout: durationOr('60s', { min: '100ms', max: '24h' }).meta({
      description: 'A kept connection without a request, or a client that takes nothing of its answer.',
    }),
    connections: z.int().min(1).max(1_000_000).default(10_000).meta({
      description: 'Open connections of one listener; further ones are closed at once.',
    }),
  })
  .prefault({})
  .meta({ description: 'What one client may take.' });

/** Prometheus metric names: https://prometheus.io/docs/concepts/data_model/ */
const METRIC_PREFIX = /^[a-zA-Z_][a-zA-Z0-9_]{0,63}$/;

export const observabilitySchema = z
  .strictObject({
    logs: z
      .strictObject({
        format: z.enum(['json']).default('json').meta({ description: 'One JSON object a line.' }),
        level: z
          .enum(['debug', 'info', 'warn', 'error', 'silent'])
          .default('info')
          .meta({ description: 'Least important level that is written; access lines are `info`.' }),
      })
      .prefault({})
      .meta({ description: 'The log on standard output.' }),
    metrics: z
      .strictObject({
        prefix: z
          .string()
          .regex(METRIC_PREFIX, { error: 'is no beginning of a metric name: letters, digits and "_"' })
          .default('countersign_')
          .meta({ description: 'Beginning of every metric name.' }),
      })
      .prefault({})
      .meta({ description: 'Prometheus metrics on the ops listener.' }),
    traces: z
      .strictObject({
        otlpEndpoint: z
          .null({ error: 'is not available in this version; only null is accepted' })
          .default(null)
          .meta({ description: 'Only `null` in this version.' }),
      })
      .prefault({})
      .meta({ description: 'Not available in this version: OpenTelemetry traces.' }),
  })
  .prefault({})
  .meta({ description: 'What the process tells about itself.' });
