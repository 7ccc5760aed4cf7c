/** POSTs an event to a webhook, with every limit set. Redirects are not followed: the body may hold tokens. */
import { Agent, type Dispatcher } from 'undici';
import { guardedLookup, requireAllowedHost } from './address-guard.ts';

export interface WebhookRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** For a connection, TLS included, where one is made. */
  readonly connectTimeoutMs: number;
  /** From the request to the head of its answer. With connectTimeoutMs also the time of the whole call. */
  readonly readTimeoutMs: number;
}

/** Connections kept to one receiver; more events wait. */
const CONNECTIONS_MAX = 8;

export interface WebhookClient {
  /** @throws Error where no answer came, or the address is not allowed; the message holds nothing of the body */
  send(wanted: WebhookRequest): Promise<{ readonly status: number }>;
  close(): Promise<void>;
}

/** Webhooks have few values among them; whoever changes them again and again keeps no more sockets than these have. */
const AGENTS_MAX = 16;

export function createWebhookClient(): WebhookClient {
  const agents = new Agents();
  return {
    send: (wanted) => post(wanted, agents.of(wanted.connectTimeoutMs)),
    close: () => agents.close(),
  };
}

/** One for each connect timeout: connections are made by an agent, not by a call. */
class Agents {
  /** By timeout in milliseconds, the one that was used last at the end. */
  readonly #agents = new Map<number, Agent>();

  of(connectTimeoutMs: number): Agent {
    const agent = this.#agents.get(connectTimeoutMs) ?? newAgent(connectTimeoutMs);
    this.#agents.delete(connectTimeoutMs);
    this.#agents.set(connectTimeoutMs, agent);
    const [oldest] = this.#agents;
    if (this.#agents.size > AGENTS_MAX && oldest !== undefined) {
      this.#agents.delete(oldest[0]);
      // Its calls under way are bounded in time.
      void oldest[1].close();
    }
    return agent;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#agents.values()].map((agent) => agent.close()));
  }
}

function newAgent(connectTimeoutMs: number): Agent {
  return new Agent({
    connections: CONNECTIONS_MAX,
    connect: { lookup: guardedLookup, allowH2: false, timeout: connectTimeoutMs },
  });
}

async function post(wanted: WebhookRequest, agent: Agent): Promise<{ readonly status: number }> {
  const { origin, pathname, search, hostname } = new URL(wanted.url);
  requireAllowedHost(hostname);
  const { headers, body } = wanted;
  return await new Promise((resolve, reject) => {
    const path = pathname + search;
    agent.dispatch({ origin, path, method: 'POST', headers, body }, new Call(wanted, resolve, reject));
  });
}

/** Over before there was an answer. */
class WebhookTimeoutError extends Error {
  override readonly name = 'WebhookTimeoutError';
}

/** One call, from its place in the queue of the agent to the head of its answer. */
class Call implements Dispatcher.DispatchHandler {
  readonly #readTimeoutMs: number;
  readonly #resolve: (answer: { readonly status: number }) => void;
  readonly #reject: (error: Error) => void;
  readonly #deadline: NodeJS.Timeout;
  #reading: NodeJS.Timeout | undefined;
  #controller: Dispatcher.DispatchController | null = null;
  #end: Error | null = null;

  constructor(
    { connectTimeoutMs, readTimeoutMs }: Pick<WebhookRequest, 'connectTimeoutMs' | 'readTimeoutMs'>,
    resolve: (answer: { readonly status: number }) => void,
    reject: (error: Error) => void,
  ) {
    this.#readTimeoutMs = readTimeoutMs;
    this.#resolve = resolve;
    this.#reject = reject;
    const wholeMs = connectTimeoutMs + readTimeoutMs;
    this.#deadline = setTimeout(() => this.#giveUp(`no answer within ${wholeMs} ms`), wholeMs);
  }

  /** There is a connection, and the request is about to be written to it. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#end !== null) controller.abort(this.#end);
    else this.#awaitAnswer(this.#readTimeoutMs);
  }

  onResponseStart(controller: Dispatcher.DispatchController, statusCode: number): void {
    if (statusCode < 200) return;
    this.#stop();
    this.#resolve({ status: statusCode });
    // What a receiver says beside its status is not read.
    controller.abort(new Error('The status is all there is to know'));
  }

  onResponseData(): void {
    // The call was aborted at the head.
  }

  onResponseEnd(): void {
    // An answer without a body may end before the call is aborted.
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#stop();
    this.#reject(error);
  }

  #awaitAnswer(readMs: number): void {
    this.#reading = setTimeout(() => this.#giveUp(`no answer within ${readMs} ms of the request`), readMs);
  }

  #giveUp(message: string): void {
    this.#end = new WebhookTimeoutError(message);
    this.#stop();
    this.#reject(this.#end);
    this.#controller?.abort(this.#end);
  }

  #stop(): void {
    clearTimeout(this.#deadline);
    clearTimeout(this.#reading);
  }
}
