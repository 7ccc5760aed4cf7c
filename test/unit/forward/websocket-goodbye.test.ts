import { Duplex } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { followTunnel } from '../../../src/forward/websocket-goodbye.ts';
import { settled } from '../../support/scheduler.ts';

const CLOSE = Buffer.from('880203e9', 'hex');

/** One end of a connection: what is written to it is remembered, `say()` makes it speak. */
function end(): { stream: Duplex; written: () => Buffer; say: (bytes: Buffer) => void } {
  const pieces: Buffer[] = [];
  const stream = new Duplex({
    read: () => {},
    write: (piece: Buffer, _encoding, done) => {
      pieces.push(piece);
      done();
    },
  });
  return { stream, written: () => Buffer.concat(pieces), say: (bytes) => stream.push(bytes) };
}

/** An unmasked binary frame (RFC 6455 §5.2). */
function frame(payload: Buffer): Buffer {
  const { length } = payload;
  if (length < 126) return Buffer.concat([Buffer.from([0x82, length]), payload]);
  const header = Buffer.alloc(length < 0x10000 ? 4 : 10);
  header[0] = 0x82;
  header[1] = length < 0x10000 ? 126 : 127;
  if (length < 0x10000) header.writeUInt16BE(length, 2);
  else header.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([header, payload]);
}

function joined() {
  const [client, tunnel] = [end(), end()];
  tunnel.stream.pipe(client.stream);
  return { client, tunnel, goodbye: followTunnel(client.stream, tunnel.stream) };
}

describe('followTunnel()', () => {
  it('says Close 1001 at once where no frame is under way', async () => {
    const { client, goodbye } = joined();
    goodbye();
    await settled();
    expect(client.written()).toEqual(CLOSE);
    expect(client.stream.writableEnded).toBe(true);
  });

  it('lets the frame end that is under way, and passes nothing behind it', async () => {
    const { client, tunnel, goodbye } = joined();
    const whole = frame(Buffer.from('ten bytes.'));
    tunnel.say(whole.subarray(0, 5));
    await settled();
    goodbye();
    await settled();
    expect(client.written()).toEqual(whole.subarray(0, 5));
    tunnel.say(Buffer.concat([whole.subarray(5), frame(Buffer.from('late'))]));
    await settled();
    expect(client.written()).toEqual(Buffer.concat([whole, CLOSE]));
  });

  it('says it once', async () => {
    const { client, goodbye } = joined();
    goodbye();
    goodbye();
    await settled();
    expect(client.written()).toEqual(CLOSE);
  });

  it('gives the client whole frames and then the Close, wherever the pieces are cut', async () => {
    const length = fc.oneof(fc.nat({ max: 200 }), fc.constantFrom(125, 126, 65_535, 65_536));
    const lengths = fc.array(length, { minLength: 1, maxLength: 6 });
    const cuts = fc.array(fc.nat({ max: 999 }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(lengths, cuts, fc.nat({ max: 12 }), async (sizes, places, leaveAfter) => {
        const frames = sizes.map((size, index) => frame(Buffer.alloc(size, index + 1)));
        const bytes = Buffer.concat(frames);
        const ends = frames.map((_one, index) => Buffer.concat(frames.slice(0, index + 1)).length);
        const at = [...places.map((place) => Math.floor((place / 1000) * bytes.length)), bytes.length];
        const { client, tunnel, goodbye } = joined();
        let from = 0;
        for (const [index, to] of at.toSorted((a, b) => a - b).entries()) {
          if (index === leaveAfter) goodbye();
          if (to > from) tunnel.say(bytes.subarray(from, to));
          from = Math.max(from, to);
          await settled();
        }
        goodbye();
        await settled();
        const received = client.written();
        const frameBytes = received.length - CLOSE.length;
        expect(received.subarray(frameBytes)).toEqual(CLOSE);
        expect([0, ...ends]).toContain(frameBytes);
        expect(received.subarray(0, frameBytes)).toEqual(bytes.subarray(0, frameBytes));
      }),
      { numRuns: 200 },
    );
  });
});
