/** How often callers without a key may call: by address, by identity provider, by the name they try to log in with. */
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { type HeaderList, headerValues } from '../../core/headers.ts';
import type { Clock } from '../../core/time.ts';
import { ServiceError } from '../../tokens/failure.ts';
import { createRateLimiter, type Rate, type RateLimiter } from './rate-limit.ts';

export interface ApiLimits {
  /** Calls without a key, of one client address; 0: no limit. */
  readonly perAddressPerMinute: number;
  /** Reconciles of one identity provider, over all addresses; 0: no limit. */
  readonly perIdentityProviderPerMinute: number;
  /** Whether callers from this machine are limited too. */
  readonly countsLoopback: boolean;
  /** Over which the limits are divided: a caller's connections may meet any of them, and each counts for itself. */
  readonly processes: number;
}

/**
 * Passwords tried for one name from one address: others are not locked out by it (security row T13). People mistype a
 * few times; 8640 guesses a day find no password that is worth its name.
 */
const PER_LOGIN: Rate = { burst: 10, perSecond: 0.1 };

/**
 * Passwords tried for any names from one address: of the ten or so that are checked a second, and of the 64 that may wait
 * (`tokens/password.ts`), a part. An office behind one address has as many people log in as that.
 */
const PER_PASSWORD_ADDRESS: Rate = { burst: 20, perSecond: 1 };

/** Each of several processes lets the whole burst pass: people keep one connection, and guesses come at the same rate. */
function dividedAmong(processes: number, { burst, perSecond }: Rate): Rate {
  return { burst, perSecond: perSecond / processes };
}

/** Headers that proxies write, and nobody else. */
const PROXY_HEADERS = ['x-forwarded-for', 'forwarded'];

/**
 * Under which name a call is counted: its address, as far as it is known. Behind a proxy on this machine that is not in
 * `trustedProxies` everybody has the proxy's; those share one limit, and do not pass for callers from this machine.
 */
export function countedAs(address: string, headers: HeaderList): string {
  const isForwarded = PROXY_HEADERS.some((name) => headerValues(headers, name).length > 0);
  return isForwarded && isLoopback(address) ? `behind ${address}` : address;
}

/** `address`: as `countedAs` names it. @throws ServiceError 429, with the seconds to wait */
export interface CallLimiter {
  anonymous(address: string): void;
  provider(address: string, identityProviderId: string): void;
  login(address: string, loginId: string): void;
  /** Whatever the name. */
  password(address: string): void;
}

/** 429: too many calls. The answer says when the next one passes. */
export class TooManyCallsError extends ServiceError {
  readonly retryAfterSeconds: number;

  constructor(what: string, retryAfterSeconds: number) {
    super(429, `Too many calls ${what}`, {
      generalErrors: [{ code: '[TooManyRequests]', message: 'Too many calls; try again later' }],
    });
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

export function createCallLimiter(limits: ApiLimits, clock: Clock): CallLimiter {
  const { processes } = limits;
  const byAddress = perMinute(limits.perAddressPerMinute, processes, clock);
  const byProvider = perMinute(limits.perIdentityProviderPerMinute, processes, clock);
  const byLogin = createRateLimiter(dividedAmong(processes, PER_LOGIN), clock);
  const byPassword = createRateLimiter(dividedAmong(processes, PER_PASSWORD_ADDRESS), clock);
  const take = (what: string, address: string, wait: () => number | null) => {
    if (!limits.countsLoopback && isLoopback(address)) return;
    const seconds = wait();
    if (seconds !== null) throw new TooManyCallsError(what, seconds);
  };
  return {
    anonymous: (address) => take('of one address', address, () => byAddress.take(network(address))),
    provider: (address, id) => take('for one identity provider', address, () => byProvider.take(id)),
    login: (address, loginId) =>
      take('for one login', address, () =>
        byLogin.take(`${network(address)} ${loginId.toLowerCase().slice(0, LOGIN_ID_MAX_CHARS)}`),
      ),
    password: (address) => take('with a password', address, () => byPassword.take(network(address))),
  };
}

const MINUTE_SECONDS = 60;

/** The part of one process, rounded up: none is left without any. */
function perMinute(ofAll: number, processes: number, clock: Clock): RateLimiter {
  if (ofAll === 0) return { take: () => null };
  const count = Math.ceil(ofAll / processes);
  return createRateLimiter({ burst: count, perSecond: count / MINUTE_SECONDS }, clock);
}

/** Longer names are no one's; a bound for what is remembered. */
const LOGIN_ID_MAX_CHARS = 256;

/** For IPv6, of which one address has many spellings, and which holds IPv4 as well (RFC 4291 §2.5.5.2). */
const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

function isLoopback(address: string): boolean {
  if (isIPv4(address)) return address.startsWith('127.');
  return isIPv6(address) && LOOPBACK.check(address, 'ipv6');
}

/** Groups of an IPv6 address that name the network: one customer has all the rest (RFC 6177). */
const NETWORK_GROUPS = 4;

/** IPv4 as it is; of IPv6 the first 64 bits. */
function network(address: string): string {
  if (!isIPv6(address)) return address;
  const plain = new URL(`http://[${address.split('%', 1)[0]}]`).hostname.slice(1, -1);
  const [head = '', tail] = plain.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : new Array<string>(8 - before.length - after.length).fill('0');
  return [...before, ...zeros, ...after].slice(0, NETWORK_GROUPS).join(':');
}
