/** Every proxy of the bench, ours first. */
import type { Peer } from './peer.ts';
import { baseline, countersign } from './peers/countersign.ts';
import { envoy } from './peers/envoy.ts';
import { fastify } from './peers/fastify.ts';
import { haproxy } from './peers/haproxy.ts';
import { httpProxy } from './peers/http-proxy.ts';
import { httpProxyJose } from './peers/http-proxy-jose.ts';
import { nginx } from './peers/nginx.ts';

export const PEERS: readonly Peer[] = [
  countersign,
  baseline,
  httpProxy,
  httpProxyJose,
  fastify,
  nginx,
  haproxy,
  envoy,
];
