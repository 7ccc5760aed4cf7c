/** What the tests use of oidc-provider, which ships without types. */
declare module 'oidc-provider' {
  import type { RequestListener } from 'node:http';

  interface Client {
    readonly clientId: string;
  }

  interface IdToken {
    scope: string;
    set(name: string, value: string): void;
    issue(options: { use: 'idtoken' }): Promise<string>;
  }

  export class Provider {
    constructor(issuer: string, configuration?: Record<string, unknown>);
    callback(): RequestListener;
    readonly Client: { find(id: string): Promise<Client | undefined> };
    readonly IdToken: new (
      claims: { sub: string },
      context: { client: Client },
    ) => IdToken;
  }
}
