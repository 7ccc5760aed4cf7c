/** What operators see of their upstreams, from YAML to the scrape (GW-C08). */
import { afterEach, describe, expect, it } from 'vitest';
import { startBackend, startGateway, type TestGateway } from '../support/gateway.ts';
import { OK, recordingUpstream } from '../support/upstream.ts';

let gateway: TestGateway;
const closings: (() => Promise<void>)[] = [];

/** An upstream of the targets, and a public route to it. */
const yamlOf = (targets: readonly string[]) => `
upstreams:
  app: { targets: [${targets.map((url) => `"${url}"`).join(', ')}] }
routes:
  - { name: all, match: { pathPrefix: / }, upstream: app, auth: none }
`;

async function deadUrl(): Promise<string> {
  const dead = await recordingUpstream();
  await dead.close();
  return dead.url;
}

afterEach(async () => {
  await gateway.stop();
  await Promise.all(closings.splice(0).map((close) => close()));
});

describe('metrics of upstreams', () => {
  it('tell of a target that takes no connections, and of what was tried again', async () => {
    const dead = await deadUrl();
    const alive = await startBackend();
    closings.push(() => alive.close());
    gateway = await startGateway(yamlOf([dead, alive.url]));
    for (let count = 0; count < 12; count += 1) expect((await gateway.get('/')).status).toBe(200);
    const text = await gateway.metrics();
    expect(text).toContain(`countersign_upstream_up{upstream="app",target="${dead}"} 0`);
    expect(text).toContain(`countersign_upstream_up{upstream="app",target="${alive.url}"} 1`);
    expect(text).toContain(`countersign_upstream_breaker_state{upstream="app",target="${dead}"} 2`);
    expect(text).toContain('countersign_upstream_retries_total{upstream="app",reason="connect"} 5');
    expect(gateway.log).toContainEqual(
      expect.objectContaining({ level: 'warn', upstream: 'app', target: dead }),
    );
  });

  it('forget a target that a reload has taken out', async () => {
    const dead = await deadUrl();
    gateway = await startGateway(yamlOf([dead, '${BACKEND}']));
    expect(await gateway.metrics()).toContain(`target="${dead}"`);
    expect(await gateway.reload(yamlOf(['${BACKEND}']))).toBe(true);
    const text = await gateway.metrics();
    expect(text).not.toContain(`target="${dead}"`);
    expect(text).toContain(`countersign_upstream_up{upstream="app",target="${gateway.backend.url}"} 1`);
  });
});

describe('health checks of a configuration', () => {
  const checked = (path: string) =>
    yamlOf(['${BACKEND}']).replace('] }', `], health: { path: ${path}, interval: 100ms } }`);

  it('begin with the process, and move to the next configuration on reload', async () => {
    const target = await recordingUpstream(({ requestLine }, socket) => {
      if (!requestLine.includes('/slow')) socket.write(OK);
    });
    closings.push(() => target.close());
    const checkedTarget = (path: string) => checked(path).replace('${BACKEND}', target.url);
    gateway = await startGateway(checkedTarget('/first'));
    const asked = (path: string) =>
      target.seen.filter(({ requestLine }) => requestLine.startsWith(`GET ${path} `)).length;
    await expect.poll(() => asked('/first')).toBeGreaterThan(1);
    // A request that runs keeps its configuration alive, but not the checks of it.
    const running = gateway.get('/slow').catch(() => {});
    await expect.poll(() => asked('/slow')).toBe(1);
    expect(await gateway.reload(checkedTarget('/second'))).toBe(true);
    await expect.poll(() => asked('/second')).toBeGreaterThan(0);
    const before = asked('/first');
    const after = asked('/second');
    await expect.poll(() => asked('/second')).toBeGreaterThan(after + 2);
    expect(asked('/first')).toBe(before);
    await target.close();
    await running;
  });

  it('carry no assertion and no credential', async () => {
    gateway = await startGateway(checked('/health'));
    await expect.poll(() => gateway.backend.received.length).toBeGreaterThan(0);
    expect(Object.keys(gateway.backend.received[0]?.headers ?? {}).toSorted()).toEqual([
      'accept',
      'host',
      'user-agent',
    ]);
  });
});
