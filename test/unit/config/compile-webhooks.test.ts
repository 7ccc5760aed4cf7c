import { describe, expect, it } from 'vitest';
import { compiledConfig } from '../../support/config.ts';

const yaml = (timeout: string) => `version: 1
routes: [{ name: home, match: { pathPrefix: / }, upstream: "builtin:echo", auth: none }]
tokenService:
  webhooks: [{ url: "https://hooks.example/", events: [jwt.refresh]${timeout} }]
`;

describe('compileConfig() webhooks', () => {
  it.each([
    ['3s', 1000, 2000],
    ['100ms', 34, 66],
    ['1ms', 1, 1],
  ])(
    'give a third of a timeout of %s to the connection, the rest to the answer',
    (timeout, connect, read) => {
      const { tokenService } = compiledConfig(yaml(`, timeout: ${timeout}`));
      expect(tokenService?.seed.webhooks).toMatchObject([{ connectTimeout: connect, readTimeout: read }]);
    },
  );
});
