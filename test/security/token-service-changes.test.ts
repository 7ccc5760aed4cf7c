/** Two who change one object at once: what one of them has closed, the other does not open again unseen. */
import { afterAll, describe, expect, it } from 'vitest';
import { applicationSchema } from '../../src/objects/application.ts';
import { replaceApplication } from '../../src/tokens/objects/applications.ts';
import { startApi } from '../support/api.ts';
import { APP_A, APP_B, configure, EVERYWHERE } from '../support/token-fixtures.ts';

const api = await startApi();
afterAll(() => api.close());

describe('a change of an object', () => {
  it('that another change got ahead of is refused: 409', async () => {
    const stale = api.service.catalog();
    const late = { ...api.service, catalog: () => stale };
    const { roles, tenantId } = stale.applications.get(APP_A) ?? expect.unreachable();
    const body = applicationSchema.parse({ tenantId, name: 'late', roles });
    await configure(api.service, 'applications', APP_A, (present) => ({ ...present, active: false }));
    await expect(replaceApplication(late, APP_A, body, EVERYWHERE)).rejects.toMatchObject({ status: 409 });
    expect(api.service.catalog().applications.get(APP_A)?.active).toBe(false);
  });

  it('is refused or seen by the others, of many at once', async () => {
    const data = (number: number) => ({ application: { data: { [`n${number}`]: true } } });
    const numbers = Array.from({ length: 8 }, (_, number) => number);
    const answers = await Promise.all(
      numbers.map((number) => api.admin('PATCH', `/api/application/${APP_B}`, data(number))),
    );
    const done = numbers.filter((number) => answers[number]?.status === 200);
    expect(answers.filter(({ status }) => status !== 200 && status !== 409)).toEqual([]);
    expect(done.length).toBeGreaterThan(0);
    const shown = await api.admin('GET', `/api/application/${APP_B}`);
    expect(Object.keys(shown.body.application.data).toSorted()).toEqual(done.map((number) => `n${number}`));
  });
});
