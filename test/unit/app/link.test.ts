import { describe, expect, it } from 'vitest';
import { type Channel, createLink, LinkClosedError, type LinkMessage } from '../../../src/app/link.ts';

const TIMEOUT_MS = 10_000;

/** Two ends of a channel in one process; messages are copied, as they are between processes. */
function channels() {
  const ends = [0, 1].map(() => ({
    listeners: [] as ((message: unknown) => void)[],
    closed: [] as (() => void)[],
  }));
  let isOpen = true;
  const channel = (own: number): Channel => ({
    send: (message, onFailed) => {
      if (!isOpen) onFailed();
      else
        queueMicrotask(() => {
          for (const listener of ends[1 - own]?.listeners ?? []) listener(structuredClone(message));
        });
    },
    onMessage: (listener) => void ends[own]?.listeners.push(listener),
    onClosed: (listener) => void ends[own]?.closed.push(listener),
  });
  const close = () => {
    isOpen = false;
    for (const { closed } of ends) for (const listener of closed) listener();
  };
  return { left: channel(0), right: channel(1), close };
}

type Doubling = { readonly double: (number: number) => Promise<number> };

function doubler(double: Doubling['double'] = async (number) => number * 2) {
  const { left, right, close } = channels();
  createLink(right, { double });
  return { link: createLink<Doubling>(left, {}), left, right, close };
}

describe('createLink', () => {
  it('brings back what the other side returns, each call its own', async () => {
    const { link } = doubler();
    const answers = await Promise.all([1, 2, 3].map((number) => link.call('double', number, TIMEOUT_MS)));
    expect(answers).toEqual([2, 4, 6]);
  });

  it('brings back the message of an error, and nothing else of it', async () => {
    const { link } = doubler(() => Promise.reject(new TypeError('not today')));
    const failed = link.call('double', 1, TIMEOUT_MS);
    await expect(failed).rejects.toThrow('not today');
    await expect(failed).rejects.not.toBeInstanceOf(TypeError);
  });

  it('carries bytes, maps and infinity', async () => {
    const { left, right } = channels();
    createLink(right, { same: async (value: unknown) => value });
    const link = createLink<{ same: (value: unknown) => Promise<unknown> }>(left, {});
    const value = { files: new Map([['a', Uint8Array.of(1, 2)]]), maxAgeMs: Infinity, none: undefined };
    expect(await link.call('same', value, TIMEOUT_MS)).toEqual(value);
  });

  it.each(['toString', 'constructor', 'missing'])(
    'refuses %s, which the other side does not offer',
    async (name) => {
      const { left, right } = channels();
      createLink(right, {});
      const link = createLink<Record<string, (nothing: null) => Promise<void>>>(left, {});
      await expect(link.call(name, null, TIMEOUT_MS)).rejects.toThrow(`no call ${name}`);
    },
  );

  it('ends calls that wait, and later ones, when the other process is gone', async () => {
    const { link, close } = doubler(() => new Promise(() => {}));
    const waiting = link.call('double', 1, TIMEOUT_MS);
    close();
    await expect(waiting).rejects.toBeInstanceOf(LinkClosedError);
    await expect(link.call('double', 1, TIMEOUT_MS)).rejects.toBeInstanceOf(LinkClosedError);
  });

  it('ends a call that is not answered in time', async () => {
    const { link } = doubler(() => new Promise(() => {}));
    await expect(link.call('double', 1, 1)).rejects.toThrow('no answer within 1 ms');
  });

  it.each([null, 'text', 7, { cmd: 'NODE_CLUSTER' }, { answerTo: 99, value: 1 }])(
    'ignores %j, which is no answer to anything',
    async (message) => {
      const { link, right } = doubler();
      right.send(message as unknown as LinkMessage, () => {});
      expect(await link.call('double', 4, TIMEOUT_MS)).toBe(8);
    },
  );
});
