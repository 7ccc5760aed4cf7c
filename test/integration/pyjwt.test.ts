/** A backend in Python: PyJWT, as it is, verifies what it received by the gateway's key set. */
import { describe, expect, it } from 'vitest';
import { assertionFor, gatewayPerTest, wso2 } from '../support/acceptance.ts';
import { hasPyJwt, runPython } from '../support/python.ts';

/** Arguments: key set, audience, assertions. Prints one JSON line each: the claims, or the name of the refusal. */
const BACKEND = `
import json, sys, jwt

url, audience, *assertions = sys.argv[1:]
keys = jwt.PyJWKClient(url)
for assertion in assertions:
    try:
        key = keys.get_signing_key_from_jwt(assertion)
        print(json.dumps(jwt.decode(assertion, key.key, algorithms=[key.algorithm_name],
                                    audience=audience, issuer="countersign")))
    except jwt.PyJWTError as error:
        print(json.dumps(type(error).__name__))
`;

/** The assertion with another payload under the old signature. */
function withPayload(assertion: string, changes: object): string {
  const [header, payload = '', signature] = assertion.split('.');
  const claims: object = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
  const changed = Buffer.from(JSON.stringify({ ...claims, ...changes })).toString('base64url');
  return [header, changed, signature].join('.');
}

async function verdicts(gatewayUrl: string, audience: string, assertions: string[]): Promise<unknown[]> {
  const keySet = `${gatewayUrl}/.well-known/jwks.json`;
  const lines = (await runPython(BACKEND, [keySet, audience, ...assertions])).split('\n');
  return lines.map((line): unknown => JSON.parse(line));
}

describe.skipIf(!hasPyJwt)('PyJWT', () => {
  const start = gatewayPerTest();

  it.each(['RS256', 'ES256', 'EdDSA'])(
    'verifies the assertion, and refuses a changed one: %s (AST-S06, AST-P12, AST-P41)',
    async (algorithm) => {
      const gateway = await start({ assertion: `algorithm: ${algorithm}` });
      const { value } = await assertionFor(gateway);
      const [good, changed] = await verdicts(gateway.url, 'app2', [
        value,
        withPayload(value, { sub: 'root' }),
      ]);
      expect(good).toMatchObject({ sub: 'test-fusion', [wso2('enduser')]: 'test-fusion' });
      expect(changed).toBe('InvalidSignatureError');
    },
  );

  it('refuses the assertion of another route (H07)', async () => {
    const gateway = await start();
    const { value } = await assertionFor(gateway);
    expect(await verdicts(gateway.url, 'another-app', [value])).toEqual(['InvalidAudienceError']);
  });
});
