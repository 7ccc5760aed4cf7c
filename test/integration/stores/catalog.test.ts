import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Lambda, lambdaSchema } from '../../../src/objects/lambda.ts';
import type { Store } from '../../../src/tokens/store.ts';
import { CATALOG_KINDS } from '../../support/catalog-kinds.ts';
import { eachStore } from '../../support/store.ts';
import { NOW_MS } from '../../support/stored-objects.ts';

function aLambda(over: Partial<Lambda> = {}): Lambda {
  const { id: _, ...body } = lambdaSchema.parse({ name: 'reconcile', type: 'JWTPopulate', body: 'x' });
  const stamps = {
    id: randomUUID(),
    insertInstant: NOW_MS,
    lastUpdateInstant: NOW_MS,
    source: 'API' as const,
  };
  return { ...body, ...stamps, ...over };
}

const named = (value: string) => [{ what: 'lambda.name', value }];

describe('the catalog', () => {
  eachStore((_, open) => {
    let store: Store;
    beforeAll(async () => {
      store = await open();
    });

    it('is empty at first, with every kind', async () => {
      const catalog = await store.catalog.load();
      expect(CATALOG_KINDS.map((kind) => catalog[kind].size)).toEqual(CATALOG_KINDS.map(() => 0));
    });

    it('gives back an object as it was put in, under its kind and id', async () => {
      const lambda = aLambda({ body: 'function populate() { return "ä\u{1F600}\\u0000"; }' });
      await store.catalog.insert('lambdas', lambda, []);
      const { lambdas, keys } = await store.catalog.load();
      expect(lambdas.get(lambda.id)).toEqual(lambda);
      expect(keys.has(lambda.id)).toBe(false);
    });

    it('raises its revision by every change, and load() shows it', async () => {
      const lambda = aLambda();
      const changes = [
        () => store.catalog.insert('lambdas', lambda, []),
        () => store.catalog.update('lambdas', { ...lambda, name: 'other' }, []),
        () => store.catalog.delete('lambdas', lambda.id),
      ];
      for (const change of changes) {
        const before = await store.catalog.revision();
        await change();
        expect(await store.catalog.revision()).toBeGreaterThan(before);
      }
      expect((await store.catalog.load()).revision).toBe(await store.catalog.revision());
    });

    it('refuses an id that is taken, and keeps what has it', async () => {
      const lambda = aLambda();
      await store.catalog.insert('lambdas', lambda, []);
      const again = store.catalog.insert('lambdas', aLambda({ id: lambda.id, name: 'other' }), []);
      await expect(again).rejects.toMatchObject({ name: 'DuplicateError', what: 'lambdas.id' });
      expect((await store.catalog.load()).lambdas.get(lambda.id)).toEqual(lambda);
    });

    it('refuses a name that is taken, names it, and leaves nothing of the object or its revision', async () => {
      const [first, second] = [aLambda(), aLambda()];
      await store.catalog.insert('lambdas', first, named(first.id));
      const before = await store.catalog.revision();
      const taken = store.catalog.insert('lambdas', second, [...named(second.id), ...named(first.id)]);
      await expect(taken).rejects.toMatchObject({ name: 'DuplicateError', what: 'lambda.name' });
      expect((await store.catalog.load()).lambdas.has(second.id)).toBe(false);
      expect(await store.catalog.revision()).toBe(before);
      await store.catalog.insert('lambdas', second, named(second.id));
    });

    it('compares names byte by byte, and each with its kind of name only', async () => {
      const value = randomUUID();
      await store.catalog.insert('lambdas', aLambda(), named(value));
      await store.catalog.insert('lambdas', aLambda(), named(value.toUpperCase()));
      await store.catalog.insert('lambdas', aLambda(), [{ what: 'key.name', value }]);
    });

    it('gives names free by update and by delete', async () => {
      const [first, second, value] = [aLambda(), aLambda(), randomUUID()];
      await store.catalog.insert('lambdas', first, named(value));
      await store.catalog.update('lambdas', first, named(`${value} before`));
      await store.catalog.insert('lambdas', second, named(value));
      await store.catalog.delete('lambdas', second.id);
      await store.catalog.update('lambdas', first, named(value));
    });

    it('keeps an object whose update takes the name of another one', async () => {
      const [first, second] = [aLambda(), aLambda()];
      await store.catalog.insert('lambdas', first, named(first.id));
      await store.catalog.insert('lambdas', second, named(second.id));
      const update = store.catalog.update('lambdas', { ...second, name: 'changed' }, named(first.id));
      await expect(update).rejects.toMatchObject({ what: 'lambda.name' });
      expect((await store.catalog.load()).lambdas.get(second.id)).toEqual(second);
    });

    it('tells of an object that is not there', async () => {
      expect(await store.catalog.update('lambdas', aLambda(), [])).toBe(false);
      expect(await store.catalog.delete('lambdas', randomUUID())).toBe(false);
    });

    it('JWT-C96 shows a change to another store, which is told of it', async () => {
      const other = await open();
      const { promise: told, resolve } = Promise.withResolvers<void>();
      let isWaiting = false;
      other.onNotice(() => isWaiting && resolve());
      await new Promise((wait) => setTimeout(wait, 1500)); // connected, and told of what was before
      isWaiting = true;
      const lambda = aLambda();
      await store.catalog.insert('lambdas', lambda, []);
      await told;
      expect((await other.catalog.load()).lambdas.has(lambda.id)).toBe(true);
    });

    it('tells nobody who has ended to listen', async () => {
      let notices = 0;
      const end = store.onNotice(() => notices++);
      end();
      notices = 0;
      await (await open()).catalog.insert('lambdas', aLambda(), []);
      await new Promise((wait) => setTimeout(wait, 1200));
      expect(notices).toBe(0);
    });

    it('takes changes from many stores at once, each with a revision of its own', async () => {
      const other = await open();
      const before = await store.catalog.revision();
      const inserts = Array.from({ length: 40 }, (_unused, index) =>
        (index % 2 === 0 ? store : other).catalog.insert('lambdas', aLambda(), named(randomUUID())),
      );
      await Promise.all(inserts);
      expect(await store.catalog.revision()).toBe(before + 40);
    });
  });
});
