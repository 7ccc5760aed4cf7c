/** The end of a WebSocket whose route lets it live no longer than the token that opened it (security row W05). */
import type { Allow } from '../core/decision.ts';
import type { Clock } from '../core/time.ts';
import type { UpgradeRequest } from '../forward/upstream.ts';

/** After the goodbye, in which either side may finish a message and answer. */
const GOODBYE_MS = 3000;
/** Node's timers take 31 bits of milliseconds, 24.8 days; longer ones fire at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

type Tunnel = Pick<UpgradeRequest, 'socket' | 'onShutdown'>;

/** The same tunnel, with an end where its route wants one. A caller without a token has nothing that ends. */
export function endingWithToken(tunnel: Tunnel, { route, token }: Allow, clock: Clock): Tunnel {
  if (!route.endsWebSocketsWithToken || token === null) return tunnel;
  const { refusedFromMs } = token.validity;
  if (refusedFromMs === Number.POSITIVE_INFINITY) return tunnel;
  const { socket, onShutdown } = tunnel;
  return {
    socket,
    onShutdown: (goodbye) => {
      onShutdown(goodbye);
      const cancel = at(refusedFromMs, clock, () => {
        goodbye();
        setTimeout(() => socket.destroy(), GOODBYE_MS).unref();
      });
      socket.once('close', cancel);
    },
  };
}

function at(timeMs: number, clock: Clock, run: () => void): () => void {
  let timer: NodeJS.Timeout;
  const wait = () => {
    const leftMs = timeMs - clock();
    timer = setTimeout(leftMs > 0 ? wait : run, Math.min(Math.max(leftMs, 0), TIMER_MS_MAX));
    timer.unref();
  };
  wait();
  return () => clearTimeout(timer);
}
