#!/usr/bin/env -S node --disable-warning=DEP0060
/** The program: refuses a Node that is too old, then hands the arguments to the CLI. */

/**
 * Older ones lack security fixes of what is Node's here: TLS, and node:http, which reads the answers to WebSocket
 * upgrades and dropped header lines of them silently (CVE-2026-58044).
 */
const NODE_MIN = [24, 18, 1] as const;

function isOlder(version: string): boolean {
  const given = version.split('.').map(Number);
  for (const [index, least] of NODE_MIN.entries()) {
    const part = given[index] ?? 0;
    if (part !== least) return part < least;
  }
  return false;
}

if (isOlder(process.versions.node)) {
  process.stderr.write(
    `countersign needs Node ${NODE_MIN.join('.')} or newer, this is ${process.versions.node}\n`,
  );
  process.exitCode = 1;
} else {
  const { main } = await import('./cli/main.ts');
  process.exitCode = await main(process.argv.slice(2));
}
