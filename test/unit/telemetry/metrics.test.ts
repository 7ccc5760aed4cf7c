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
