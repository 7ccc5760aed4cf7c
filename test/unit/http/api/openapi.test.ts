/** docs/openapi.json as others read it. */
import { describe, expect, it } from 'vitest';
import { openApiDocument } from '../../../../src/http/api/openapi.ts';
import { OPERATIONS } from '../../../../src/http/api/operations.ts';

const document = JSON.parse(JSON.stringify(openApiDocument(OPERATIONS, '1.2.3')));
const text = JSON.stringify(document);

function references(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) =>
    name === '$ref' && typeof member === 'string' ? [member] : references(member),
  );
}

describe('openApiDocument()', () => {
  it('has every operation, with its id, security and a success', () => {
    for (const { method, path, operationId } of OPERATIONS) {
      const described = document.paths[path][method.toLowerCase()];
      expect(described.operationId).toBe(operationId);
      expect(Object.keys(described.responses).some((status) => status.startsWith('2'))).toBe(true);
      expect(described.security).toBeInstanceOf(Array);
    }
  });

  it('refers to nothing that is not there', () => {
    for (const reference of new Set(references(document))) {
      const parts = reference.replace('#/', '').split('/');
      const target = parts.reduce((value, part) => value?.[part], document);
      expect(target, reference).toBeDefined();
    }
    expect(text).not.toMatch(/\$defs|__schema/);
  });

  it('declares each parameter of a path, and marks those required', () => {
    for (const [path, methods] of Object.entries<
      Record<string, { parameters: { name: string; in: string; required: boolean }[] }>
    >(document.paths)) {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      for (const { parameters } of Object.values(methods)) {
        const inPath = parameters.filter((one) => one.in === 'path');
        expect(inPath.map(({ name }) => name)).toEqual(named);
        expect(inPath.every(({ required }) => required)).toBe(true);
      }
    }
  });

  it('shows no secret member in an answer', () => {
    const { schemas } = document.components;
    expect(schemas.User.properties).not.toHaveProperty('password');
    expect(schemas.Key.properties).not.toHaveProperty('privateKey');
    expect(schemas.Webhook.properties).not.toHaveProperty('httpAuthenticationPassword');
    expect(text).not.toMatch(/passwordHash|sealed|keyHash/);
  });

  it('says where a call needs no credential, and which alternatives there are', () => {
    expect(document.paths['/api/jwt/reconcile'].post.security).toEqual([]);
    expect(document.paths['/api/jwt/vend'].post.security).toEqual([{ apiKey: [] }]);
    expect(document.paths['/api/jwt/refresh'].delete.security).toHaveLength(3);
  });
});
