import { describe, expect, it } from 'vitest';
import type { Caller } from '../../../src/tokens/authenticate.ts';
import { login } from '../../../src/tokens/login.ts';
import { APP_A, EVERYWHERE, U1, USER_PASSWORD } from '../../support/token-fixtures.ts';
import { testTokenService } from '../../support/token-service.ts';

const { service } = await testTokenService();
const [apiKey] = service.catalog().apiKeys.values();
const caller: Caller = { kind: 'apiKey', apiKey: apiKey! };

describe('login()', () => {
  it('gives an access token and a refresh token (JWT-S01)', async () => {
    const result = await login(
      service,
      { loginId: 'U1@acme.com', password: USER_PASSWORD, applicationId: APP_A },
      caller,
      EVERYWHERE,
    );
    expect(result.user.id).toBe(U1);
  });
});
