/** Calls between two of our processes: a name and one argument go over, a value or an error comes back. */

/** What one side offers to the other. */
export type Calls = Readonly<Record<string, (argument: never) => unknown>>;

/** The messages of a child process, seen from either end. Values are copied by the structured clone algorithm. */
export interface Channel {
  /** False, or a call of `onFailed`: the other process is gone. */
  send(message: LinkMessage, onFailed: () => void): void;
  onMessage(listener: (message: unknown) => void): void;
  onClosed(listener: () => void): void;
}

interface Call {
  readonly call: string;
  readonly id: number;
  readonly argument: unknown;
}

export type LinkMessage =
  | Call
  | { readonly answerTo: number; readonly value: unknown }
  | { readonly answerTo: number; readonly error: string };

export interface Link<Theirs extends Calls> {
  /** Rejects with the message of the other side's error, when the other side is gone, and when the time is up. */
  call<Name extends keyof Theirs & string>(
    name: Name,
    argument: Parameters<Theirs[Name]>[0],
    timeoutMs: number,
  ): Promise<Awaited<ReturnType<Theirs[Name]>>>;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** The other process has ended, or is about to. */
export class LinkClosedError extends Error {
  override readonly name = 'LinkClosedError';
}

export function createLink<Theirs extends Calls>(channel: Channel, ours: Calls): Link<Theirs> {
  const waiting = new Map<number, Waiting>();
  let lastId = 0;
  const settle = (id: number, how: (one: Waiting) => void) => {
    const one = waiting.get(id);
    waiting.delete(id);
    if (one !== undefined) how(one);
  };
  const fail = (id: number, error: Error) => settle(id, ({ reject }) => reject(error));
  const gone = () => new LinkClosedError('the other process is gone');
  channel.onClosed(() => {
    for (const id of [...waiting.keys()]) fail(id, gone());
  });
  channel.onMessage((received) => {
    const message = parseMessage(received);
    if (message === null) return;
    if ('call' in message) void answer(message, ours).then((reply) => channel.send(reply, () => {}));
    else if ('error' in message) fail(message.answerTo, new Error(message.error));
    else settle(message.answerTo, ({ resolve }) => resolve(message.value));
  });
  return {
    call: (name, argument, timeoutMs) => {
      lastId += 1;
      const id = lastId;
      const timer = setTimeout(
        () => fail(id, new Error(`no answer within ${timeoutMs} ms`)),
        timeoutMs,
      ).unref();
      const answered = new Promise<unknown>((resolve, reject) => waiting.set(id, { resolve, reject }));
      channel.send({ call: name, id, argument }, () => fail(id, gone()));
      return answered
        .finally(() => clearTimeout(timer))
        .then((value) => parseAnswer<Theirs, typeof name>(value));
    },
  };
}

/** Null for what is not of a link: other libraries use the channel too. */
function parseMessage(received: unknown): LinkMessage | null {
  if (typeof received !== 'object' || received === null) return null;
  return 'call' in received || 'answerTo' in received ? (received as LinkMessage) : null;
}

/** Both ends run the same version of this program: what one returns is what the other awaits. */
function parseAnswer<Theirs extends Calls, Name extends keyof Theirs>(
  value: unknown,
): Awaited<ReturnType<Theirs[Name]>> {
  return value as Awaited<ReturnType<Theirs[Name]>>;
}

async function answer({ call, id, argument }: Call, ours: Calls): Promise<LinkMessage> {
  try {
    const handler = parseHandler(call, ours);
    return { answerTo: id, value: await handler(argument) };
  } catch (error) {
    return { answerTo: id, error: error instanceof Error ? error.message : String(error) };
  }
}

function parseHandler(name: string, ours: Calls): (argument: unknown) => unknown {
  const handler = Object.hasOwn(ours, name) ? ours[name] : undefined;
  if (handler === undefined) throw new Error(`no call ${name}`);
  return handler as (argument: unknown) => unknown;
}
