import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compileHeaderPolicy,
  connectionListed,
  foldHeaderName,
  headerValues,
  isFieldName,
  isFieldValue,
  isHeaderNamed,
} from '../../../src/core/headers.ts';

const OWNED = ['X-JWT-Assertion', 'X_Custom.Identity'];
const policy = compileHeaderPolicy(OWNED);

/** The name in another spelling that CGI, WSGI, PHP or a case-insensitive server reads as the same name. */
function aliasOf(name: string): fc.Arbitrary<string> {
  const characters = [...name].map((character) =>
    /[a-z0-9]/i.test(character)
      ? fc.constantFrom(character.toLowerCase(), character.toUpperCase())
      : fc.constantFrom('-', '_', '.', '~', '!', '+', '*', '|', "'", '^', '`', '#', '$', '%', '&'),
  );
  return fc.tuple(...characters).map((parts) => parts.join(''));
}

describe('isHeaderNamed()', () => {
  const anyCase = fc.mixedCase(fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,3}$/));

  it('says what a comparison in lower case says, whatever the name begins with', () => {
    fc.assert(
      fc.property(anyCase, anyCase, (name, other) => {
        const lowerName = other.toLowerCase();
        expect(isHeaderNamed(name, lowerName)).toBe(name.toLowerCase() === lowerName);
        expect(isHeaderNamed(name, name.toLowerCase())).toBe(true);
      }),
    );
  });
});

describe('foldHeaderName()', () => {
  it.each([
    ['X-JWT-Assertion', 'x-jwt-assertion'],
    ['X_JWT.Assertion', 'x-jwt-assertion'],
    ['x--y', 'x--y'],
    ['', ''],
  ])('reads %s as %s', (name, folded) => expect(foldHeaderName(name)).toBe(folded));
});

describe('compileHeaderPolicy()', () => {
  it.each([
    'X-JWT-Assertion',
    'x-jwt-assertion',
    'X_JWT_Assertion',
    'X.JWT.Assertion',
    'x_jwt-ASSERTION',
    'X~JWT!Assertion',
    'X-Custom-Identity',
    'x.custom_identity',
    'AppMgtSAML2Response',
    'APPMGTSAML2RESPONSE',
    'Client-Cert',
    'client_cert_chain',
  ])('H01 drops the owned name %s both ways', (name) => {
    expect(policy.requestFate(name)).toBe('drop');
    expect(policy.dropsFromResponse(name)).toBe(true);
  });

  it('H01 lets no alias of an owned name survive, whatever its case and separators', () => {
    const alias = fc.constantFrom(...OWNED, 'Client-Cert-Chain', 'AppMgtSAML2Response').chain(aliasOf);
    fc.assert(
      fc.property(alias, (name) => {
        expect(policy.requestFate(name)).toBe('drop');
        expect(policy.dropsFromResponse(name)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it('H01 drops the usual assertion header also where another name, or none, is configured', () => {
    expect(compileHeaderPolicy([]).requestFate('X_JWT_Assertion')).toBe('drop');
    expect(compileHeaderPolicy(['X-Other']).requestFate('X-JWT-Assertion')).toBe('drop');
  });

  it.each([
    ...['Connection', 'Keep-Alive', 'Proxy-Authenticate', 'Proxy-Authorization', 'Proxy-Authentication-Info'],
    ...[
      'Proxy-Connection',
      'TE',
      'Trailer',
      'Transfer-Encoding',
      'Transfer_Encoding',
      'Upgrade',
      'HTTP2-Settings',
    ],
  ])('H02 drops the hop-by-hop header %s both ways', (name) => {
    expect(policy.requestFate(name)).toBe('drop');
    expect(policy.dropsFromResponse(name)).toBe(true);
  });

  it.each([
    ...[
      'Proxy',
      'proxy',
      'X-Forwarded',
      'X_Forwarded',
      'Forwarded',
      'X-Forwarded-For',
      'X_Forwarded_For',
      'X-Forwarded-Host',
      'X-Forwarded-Proto',
    ],
    ...[
      'X-Forwarded-Port',
      'X-Forwarded-Prefix',
      'X-Forwarded-Uri',
      'X-Forwarded-Method',
      'X-Forwarded-Server',
    ],
    ...['X-Forwarded-User', 'X-Forwarded-Groups', 'X-Forwarded-Client-Cert', 'X-Forwarded-Access-Token'],
    ...['X-Real-IP', 'X-Original-URL', 'X-Original_Host', 'X-Rewrite-URL', 'X-Envoy-Original-Path'],
    ...['True-Client-IP', 'CF-Connecting-IP', 'X-Client-IP', 'X-Cluster-Client-IP'],
  ])('H03 drops what only the gateway may say of the connection: %s', (name) => {
    expect(policy.requestFate(name)).toBe('drop');
    expect(policy.dropsFromResponse(name)).toBe(false);
  });

  it.each([
    ['Content-Length', 'framing'],
    ['content-length', 'framing'],
    ['Content_Length', 'drop'],
    ['Host', 'host'],
    ['Authorization', 'credential'],
    ['AUTHORIZATION', 'credential'],
    ['Cookie', 'cookie'],
    ['Expect', 'drop'],
    ['Accept', 'pass'],
    ['Content-Type', 'pass'],
    ['X-Custom', 'pass'],
    ['X-JWT-Assertion2', 'pass'],
    ['XJWTAssertion', 'pass'],
    ['__proto__', 'pass'],
    ['constructor', 'pass'],
    ['', 'pass'],
  ])('sends %s the way of: %s', (name, fate) => expect(policy.requestFate(name)).toBe(fate));

  it('passes ordinary response headers', () => {
    for (const name of ['Content-Type', 'Set-Cookie', 'Date', 'constructor'])
      expect(policy.dropsFromResponse(name)).toBe(false);
  });

  it('decides alike when asked again', () => {
    const fresh = compileHeaderPolicy(OWNED);
    for (const name of ['X_JWT.Assertion', 'Accept', 'X_JWT.Assertion', 'Accept'])
      expect(fresh.requestFate(name)).toBe(name === 'Accept' ? 'pass' : 'drop');
  });

  it('decides alike before and after it stops remembering names', () => {
    const flooded = compileHeaderPolicy(OWNED);
    for (let count = 0; count < 2_100; count += 1) expect(flooded.requestFate(`x-${count}`)).toBe('pass');
    for (const name of ['X-JWT-Assertion', 'X_JWT_Assertion']) {
      expect(flooded.requestFate(name)).toBe('drop');
      expect(flooded.requestFate(name)).toBe('drop');
    }
  });

  it('remembers no name longer than honest ones are', () => {
    const fresh = compileHeaderPolicy(OWNED);
    const remembered = rememberedBy(() => {
      fresh.requestFate('y'.repeat(64));
      fresh.requestFate('y'.repeat(65));
    });
    expect(remembered).toEqual(['y'.repeat(64)]);
  });

  it('remembers no more names than it may, whatever clients choose', () => {
    const fresh = compileHeaderPolicy(OWNED);
    const remembered = rememberedBy(() => {
      for (let count = 0; count < 3_000; count += 1) fresh.requestFate(`x-${count}`);
    });
    expect(remembered).toHaveLength(2_000);
  });
});

/** The names that maps took meanwhile. */
function rememberedBy(run: () => void): string[] {
  const names: string[] = [];
  const { set } = Map.prototype;
  Map.prototype.set = function (this: Map<unknown, unknown>, key: unknown, value: unknown) {
    if (typeof key === 'string') names.push(key);
    return set.call(this, key, value);
  };
  try {
    run();
  } finally {
    Map.prototype.set = set;
  }
  return names;
}

describe('headerValues()', () => {
  it('finds all values in order, in every case of the name, and no alias', () => {
    const headers = ['Host', 'a', 'X-A', '1', 'x-a', '2', 'X_A', '3', 'X-AB', '4'];
    expect(headerValues(headers, 'x-a')).toEqual(['1', '2']);
  });

  it('finds nothing in an empty list, and an empty value in a list cut short', () => {
    expect(headerValues([], 'host')).toEqual([]);
    expect(headerValues(['Host'], 'host')).toEqual(['']);
  });
});

describe('connectionListed()', () => {
  it('H02 gives the names that Connection lists, from every line, in lower case', () => {
    const headers = ['Connection', 'close, X-JWT-Assertion ,,', 'connection', 'Foo,\tkeep-alive', 'Via', 'x'];
    expect(connectionListed(headers)).toEqual(new Set(['x-jwt-assertion', 'foo']));
  });

  it.each([['close'], ['keep-alive'], ['Upgrade, Keep-Alive'], [''], [' , ']])(
    'gives null for the usual %j',
    (value) => expect(connectionListed(['Connection', value])).toBeNull(),
  );

  it('gives null without a Connection header', () => {
    expect(connectionListed(['Host', 'a'])).toBeNull();
  });
});

describe('isFieldValue()', () => {
  it.each(['', 'a b\tc', '\u00e9\u00ff', '"quoted"'])('accepts %j', (text) => {
    expect(isFieldValue(text)).toBe(true);
  });

  it.each(['a\r\nb', 'a\n', '\r', '\u0000', '\u0007', '\u007f', 'ł', '😀'])('refuses %j', (text) => {
    expect(isFieldValue(text)).toBe(false);
  });
});

describe('isFieldName()', () => {
  it.each(['X-JWT-Assertion', "!#$%&'*+-.^_`|~0a"])('accepts %s', (text) =>
    expect(isFieldName(text)).toBe(true),
  );

  it.each(['', 'a b', 'a:', 'a\n', 'é', 'a/b', '(a)', 'a\u0000'])('refuses %j', (text) => {
    expect(isFieldName(text)).toBe(false);
  });
});
