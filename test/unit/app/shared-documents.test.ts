import { describe, expect, it } from 'vitest';
import { createSharedDocuments } from '../../../src/app/shared-documents.ts';
import type { DocumentRequest, FetchedDocument } from '../../../src/core/document.ts';
import { HOUR_MS, SECOND_MS } from '../../../src/core/time.ts';
import { fakeClock } from '../../support/clock.ts';

const URL_OF_SET = 'https://idp.test/jwks';

function wanted(changes: Partial<DocumentRequest> & { ca?: string } = {}) {
  return { url: URL_OF_SET, etag: null, timeoutMs: 3000, ca: null, ...changes };
}

type Answer = FetchedDocument | Error | Promise<FetchedDocument>;

function document(body: string, etag: string | null = null): FetchedDocument & { readonly status: 200 } {
  return { status: 200, body, etag, cacheMaxAgeMs: null };
}

/** A store over an issuer that answers as it is told. */
function bench(first: Answer = document('one')) {
  const clock = fakeClock();
  const fetches: (DocumentRequest & { ca: string | null })[] = [];
  let answer = first;
  const documents = createSharedDocuments({
    clock,
    fetcherFor: (ca) => async (request) => {
      fetches.push({ ...request, ca });
      if (answer instanceof Error) throw answer;
      return answer;
    },
  });
  const setAnswer = (next: Answer) => {
    answer = next;
  };
  return { documents, clock, fetches, answer: setAnswer };
}

describe('createSharedDocuments', () => {
  it('fetches once for workers that ask at the same time', async () => {
    const { documents, fetches } = bench();
    const answers = await Promise.all([1, 2, 3].map((worker) => documents.fetch(worker, wanted())));
    expect(fetches).toHaveLength(1);
    expect(answers).toEqual([
      document('one'),
      { ...document('one'), ageMs: 0 },
      { ...document('one'), ageMs: 0 },
    ]);
  });

  it('gives a later worker what was fetched for another, and its age', async () => {
    const { documents, clock, fetches } = bench();
    await documents.fetch(1, wanted());
    clock.advanceMs(HOUR_MS);
    expect(await documents.fetch(2, wanted())).toEqual({ ...document('one'), ageMs: HOUR_MS });
    expect(fetches).toHaveLength(1);
  });

  it('asks the issuer for a worker that knows what there is', async () => {
    const { documents, answer, fetches } = bench();
    await documents.fetch(1, wanted());
    await documents.fetch(2, wanted());
    answer(document('two'));
    expect(await documents.fetch(2, wanted())).toEqual(document('two'));
    expect(await documents.fetch(1, wanted())).toEqual({ ...document('two'), ageMs: 0 });
    expect(fetches).toHaveLength(2);
  });

  it('asks the issuer where the worker wants it younger than it is', async () => {
    const { documents, clock, answer } = bench();
    await documents.fetch(1, wanted());
    clock.advanceMs(1001);
    answer(document('two'));
    expect(await documents.fetch(2, wanted({ maxAgeMs: 1000 }))).toEqual(document('two'));
  });

  it('K09 gives workers that want what is published now one fetch begun after they asked', async () => {
    const early = Promise.withResolvers<FetchedDocument>();
    const { documents, clock, fetches, answer } = bench(early.promise);
    const first = documents.fetch(1, wanted());
    clock.advanceMs(1);
    const later = [2, 3].map((worker) => documents.fetch(worker, wanted({ maxAgeMs: 0 })));
    answer(document('two'));
    early.resolve(document('one'));
    expect(await first).toEqual(document('one'));
    expect(await Promise.all(later)).toEqual([document('two'), { ...document('two'), ageMs: 0 }]);
    clock.advanceMs(1);
    answer(document('three'));
    expect(await documents.fetch(1, wanted({ maxAgeMs: 0 }))).toEqual(document('three'));
    expect(fetches).toHaveLength(3);
  });

  it('asks with the tag of what it has, and takes a 304 for the same document', async () => {
    const { documents, answer, fetches } = bench(document('one', '"a"'));
    await documents.fetch(1, wanted());
    answer({ status: 304, cacheMaxAgeMs: 60_000 });
    expect(await documents.fetch(1, wanted({ etag: '"a"' }))).toEqual({ status: 304, cacheMaxAgeMs: 60_000 });
    expect(fetches.map(({ etag }) => etag)).toEqual([null, '"a"']);
    expect(await documents.fetch(2, wanted())).toEqual({
      ...document('one', '"a"'),
      cacheMaxAgeMs: 60_000,
      ageMs: 0,
    });
  });

  it('gives a worker with another tag the document', async () => {
    const { documents } = bench(document('one', '"a"'));
    await documents.fetch(1, wanted());
    expect(await documents.fetch(2, wanted({ etag: '"b"' }))).toMatchObject({ status: 200, body: 'one' });
  });

  it('shares a failure for a moment, with its message', async () => {
    const { documents, fetches } = bench(new Error('connection failed (ECONNREFUSED)'));
    const both = [documents.fetch(1, wanted()), documents.fetch(2, wanted())];
    for (const one of both) await expect(one).rejects.toThrow('connection failed (ECONNREFUSED)');
    await expect(documents.fetch(3, wanted())).rejects.toThrow('connection failed (ECONNREFUSED)');
    expect(fetches).toHaveLength(1);
  });

  it('tries again for a worker that asks long after a failure', async () => {
    const { documents, clock, answer } = bench(new Error('down'));
    await expect(documents.fetch(1, wanted())).rejects.toThrow('down');
    clock.advanceMs(5 * SECOND_MS + 1);
    answer(document('back'));
    expect(await documents.fetch(2, wanted())).toEqual(document('back'));
  });

  it('remembers the tag over a failure', async () => {
    const { documents, answer, fetches } = bench(document('one', '"a"'));
    await documents.fetch(1, wanted());
    answer(new Error('down'));
    await expect(documents.fetch(1, wanted())).rejects.toThrow('down');
    answer({ status: 304, cacheMaxAgeMs: null });
    expect(await documents.fetch(1, wanted())).toMatchObject({ status: 200, body: 'one' });
    expect(fetches.at(-1)?.etag).toBe('"a"');
  });

  it('refuses a 304 that it did not ask for', async () => {
    const { documents } = bench({ status: 304, cacheMaxAgeMs: null });
    await expect(documents.fetch(1, wanted())).rejects.toThrow('status 304 without a condition');
  });

  it('tells the fetch who named the document, and shares nothing between namers', async () => {
    const { documents, fetches } = bench();
    await documents.fetch(1, wanted());
    await documents.fetch(2, wanted({ namedBy: 'https://idp.test' }));
    expect(fetches.map(({ namedBy }) => namedBy)).toEqual([undefined, 'https://idp.test']);
  });

  it('shares nothing between URLs, nor between what fetches trust', async () => {
    const { documents, fetches } = bench();
    await documents.fetch(1, wanted());
    await documents.fetch(2, wanted({ url: 'https://other.test/jwks' }));
    await documents.fetch(2, wanted({ ca: 'PEM' }));
    expect(fetches.map(({ url, ca }) => [url, ca])).toEqual([
      [URL_OF_SET, null],
      ['https://other.test/jwks', null],
      [URL_OF_SET, 'PEM'],
    ]);
  });

  it('keeps no more than 64 Mi characters, the youngest documents', async () => {
    const { documents, answer, fetches } = bench();
    answer(document('x'.repeat(24 * 1024 * 1024)));
    for (const path of ['a', 'b', 'c']) await documents.fetch(1, wanted({ url: `https://idp.test/${path}` }));
    await documents.fetch(2, wanted({ url: 'https://idp.test/c' }));
    await documents.fetch(2, wanted({ url: 'https://idp.test/b' }));
    expect(fetches).toHaveLength(3);
    await documents.fetch(2, wanted({ url: 'https://idp.test/a' }));
    expect(fetches).toHaveLength(4);
  });
});
