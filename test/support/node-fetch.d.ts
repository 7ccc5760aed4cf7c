/** What the types of @fusionauth/typescript-client name of node-fetch, which has no types of its own. */
declare module 'node-fetch' {
  export type BodyInit = string | URLSearchParams;
  export type RequestCredentials = 'omit' | 'same-origin' | 'include';
  export type Response = globalThis.Response;
}
