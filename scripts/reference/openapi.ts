/** docs/openapi.json, from the operations of the token service's API. */
import manifest from '../../package.json' with { type: 'json' };
import { openApiDocument } from '../../src/http/api/openapi.ts';
import { OPERATIONS } from '../../src/http/api/operations.ts';

export function openApiJson(): string {
  return `${JSON.stringify(openApiDocument(OPERATIONS, manifest.version), null, 2)}\n`;
}
