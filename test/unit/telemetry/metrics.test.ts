import { describe, expect, it } from 'vitest';
import { METRICS, metricsReference } from '../../../src/telemetry/metric-table.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';

describe('createMetrics', () => {
  it('scrape() shows every metric of the table under its prefix', async () => {
    const metrics = createMetrics('acme_');
    const { body, contentType } = await metrics.scrape();
    expect(contentType).toContain('text/plain');
    for (const name of Object.keys(METRICS)) expect(body).toContain(`# TYPE acme_${name} `);
  });

  it('add() counts per label values', async () => {
    const metrics = createMetrics('countersign_');
    metrics.add('auth_decisions_total', ['fusion', 'deny', 'expired']);
    metrics.add('auth_decisions_total', ['fusion', 'deny', 'expired'], 2);
    metrics.add('auth_decisions_total', ['corp', 'allow', 'ok']);
    const { body } = await metrics.scrape();
    expect(body).toContain(
      'countersign_auth_decisions_total{realm="fusion",result="deny",reason="expired"} 3',
    );
    expect(body).toContain('countersign_auth_decisions_total{realm="corp",result="allow",reason="ok"} 1');
  });

  it('observe() and set() reach histograms and gauges', async () => {
    const metrics = createMetrics('countersign_');
    metrics.observe('request_duration_seconds', 0.003, ['orders']);
    metrics.set('config_generation', 7);
    const { body } = await metrics.scrape();
    expect(body).toContain('countersign_request_duration_seconds_bucket{le="0.005",route="orders"} 1');
    expect(body).toContain('countersign_config_generation 7');
  });

  it('add() goes on where the last scrape stood', async () => {
    const metrics = createMetrics('countersign_');
    metrics.add('token_cache_hits_total');
    await metrics.scrape();
    metrics.add('token_cache_hits_total');
    metrics.add('token_cache_hits_total');
    expect((await metrics.scrape()).body).toContain('countersign_token_cache_hits_total 3');
    expect(JSON.stringify(await metrics.export())).toContain('"value":3');
  });

  it('add() moves a gauge both ways, and set() makes it forget that', async () => {
    const metrics = createMetrics('countersign_');
    metrics.add('requests_in_flight', [], 1);
    metrics.add('requests_in_flight', [], 1);
    await metrics.scrape();
    metrics.add('requests_in_flight', [], -1);
    expect((await metrics.scrape()).body).toContain('countersign_requests_in_flight 1');
    metrics.add('requests_in_flight', [], 5);
    metrics.set('requests_in_flight', 2);
    expect((await metrics.scrape()).body).toContain('countersign_requests_in_flight 2');
  });

  it('onScrape() updates before the scrape', async () => {
    const metrics = createMetrics('countersign_');
    metrics.onScrape(() => metrics.set('token_cache_size', 42));
    expect((await metrics.scrape()).body).toContain('countersign_token_cache_size 42');
  });
});

describe('metricsReference', () => {
  it('has one row for each metric', () => {
    const reference = metricsReference();
    for (const name of Object.keys(METRICS)) expect(reference).toContain(`| \`countersign_${name}\` |`);
  });
});
