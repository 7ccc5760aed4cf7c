/** Requests before the first that counts, so that figures are those of a process that has run for a while. */

/** V8 goes on compiling for so many requests, on the core of the proxy: a tenth of the cost of a request until then. */
const REQUESTS = 15_000;
/** So that slow proxies, and those with large bodies, do not warm up for minutes. */
const PASSES_MOST = 5;

/** `pass` drives for so many seconds. */
export async function warmUp(
  seconds: number,
  pass: (seconds: number) => Promise<{ readonly requests: number }>,
): Promise<void> {
  if (seconds === 0) return;
  let requests = 0;
  for (let passes = 0; passes < PASSES_MOST && requests < REQUESTS; passes += 1)
    requests += (await pass(seconds)).requests;
}
