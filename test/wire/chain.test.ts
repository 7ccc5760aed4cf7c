/**
 * Row S10: behind nginx and behind HAProxy, front, gateway and upstream count the same requests. What hides a request
 * from one of them only does harm where the next one finds it.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isInstalled } from '../support/programs.ts';
import { seededRandom } from '../support/random.ts';
import { FRAMING } from './cases/request-framing.ts';
import { attacks, GADGETS } from './cases/transfer-encodings.ts';
import { type Answers, openClient } from './support/client.ts';
import { type Front, HAPROXY, NGINX } from './support/fronts.ts';
import { secondWord } from './support/http-message.ts';
import { mutantSeeds, mutate } from './support/mutants.ts';
import { expectOwnIdentity, FORGED, request, startRig, type WireRig } from './support/rig.ts';
import { tagOf } from './support/upstream.ts';

/** Connections at a time: fronts wait a second for what does not come. */
const CLIENTS = 50;
const TIMEOUT_MS = 120_000;

interface ChainCase {
  readonly name: string;
  readonly bytes: string | Buffer;
  /** False: its tags may be changed too. */
  readonly hasTags: boolean;
}

/** Each with targets of its own, and a request behind it that asks to close. */
function chainCases(rig: WireRig): ChainCase[] {
  const gadgets = GADGETS.flatMap(({ lines }) => lines).flatMap((gadget) =>
    ['CL.TE', 'TE.CL', 'TE alone'].map((attack) => ({ gadget, attack })),
  );
  return [
    ...gadgets.map(({ gadget, attack }, index) => gadgetCase(rig, gadget, attack, index)),
    ...FRAMING.map((one, index) => {
      const { name, lines, body, method = 'POST', isAnonymous, target = `/framing-${index}` } = one;
      const token = isAnonymous === true ? { token: null } : {};
      const first = request(rig, { method, target, tag: `framing-${index}`, lines, body, ...token });
      return { name, bytes: first + last(rig, `framing-${index}`), hasTags: true };
    }),
  ];
}

/** Beside the listed cases, good requests with a few bytes changed. */
const MUTANTS = 1000;
const SEED = 20_260_104;

function mutantCases(rig: WireRig): ChainCase[] {
  const random = seededRandom(SEED);
  const seeds = mutantSeeds(rig);
  return Array.from({ length: MUTANTS }, (_, index) => {
    const mutant = mutate(Buffer.from(random.pick(seeds), 'latin1'), random);
    const end = Buffer.from(last(rig, `mutant-${index}`), 'latin1');
    return { name: `mutant ${index}`, bytes: Buffer.concat([mutant, end]), hasTags: false };
  });
}

const IDENTITY = `X-JWT-Assertion: ${FORGED}\r\n`;

/** Every second hidden request has no token: it must not get through even where it is found. */
function gadgetCase(rig: WireRig, gadget: string, attackName: string, index: number): ChainCase {
  const id = `gadget-${index}`;
  const hidden = index % 2 === 0 ? `${id}-hidden` : `${id}${ANONYMOUS}`;
  const token = index % 2 === 0 ? {} : { token: null };
  const smuggled = request(rig, { target: `/${hidden}`, tag: hidden, lines: IDENTITY, ...token });
  const written = attacks(smuggled)
    .find(({ name }) => name === attackName)
    ?.write(gadget);
  const first = request(rig, { method: 'POST', target: `/${id}`, tag: id, ...written });
  return { name: `${attackName} ${JSON.stringify(gadget)}`, bytes: first + last(rig, id), hasTags: true };
}

/** In the targets of requests without a token. */
const ANONYMOUS = '-anonymous';

function last(rig: WireRig, id: string): string {
  return request(rig, {
    target: `/${id}-last`,
    tag: `${id}-last`,
    lines: `${IDENTITY}Connection: close\r\n`,
  });
}

/** Sends every case on a connection of its own, and waits for the front to close it. */
async function sendAll(cases: readonly ChainCase[], port: number): Promise<Map<ChainCase, Answers>> {
  const answers = new Map<ChainCase, Answers>();
  const rest = cases.values();
  const work = async () => {
    for (const one of rest) {
      const client = await openClient(port);
      client.send(one.bytes);
      answers.set(one, await client.closed());
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, work));
  return answers;
}

describe.each([NGINX, HAPROXY].map((front) => [front.name, front, isInstalled(front.name)] as const))(
  'behind %s',
  (name, program, isThere) => {
    let rig: WireRig;
    let front: Front;
    let cases: ChainCase[];
    let answers: Map<ChainCase, Answers>;

    beforeAll(async () => {
      if (!isThere) return;
      rig = await startRig();
      front = await program.start(rig.port);
      cases = [...chainCases(rig), ...mutantCases(rig)];
      answers = await sendAll(cases, front.port);
      await rig.upstream.settled();
    }, TIMEOUT_MS);

    afterAll(async () => {
      await front?.stop();
      await rig?.stop();
    });

    const received = () => rig.upstream.requests.map((one) => secondWord(one)).toSorted();
    const forwarded = () =>
      front
        .passedOn()
        .filter(({ status }) => status === 200)
        .map(({ target }) => target)
        .toSorted();

    it.skipIf(!isThere)(`${name} passes on several hundred of the requests`, () => {
      expect(cases.length).toBeGreaterThan(900);
      expect(forwarded().length).toBeGreaterThan(300);
    });

    it.skipIf(!isThere)(
      'the upstream parses the requests that the front took for one, and no other (S10)',
      async () => {
        await expect.poll(forwarded).toEqual(received());
        expect(rig.upstream.violations).toEqual([]);
      },
    );

    it.skipIf(!isThere)(
      'no request without a token arrives, and none without our assertion alone (S10)',
      () => {
        for (const one of rig.upstream.requests) expectOwnIdentity(one);
        expect(received().filter((target) => target.includes(ANONYMOUS))).toEqual([]);
      },
    );

    it.skipIf(!isThere)('no client gets the answer to a request that is not its own (S10)', () => {
      const tagged = [...answers].filter(([{ hasTags }]) => hasTags);
      for (const [{ name: caseName, bytes }, { responses }] of tagged)
        for (const tag of responses.map(tagOf).filter((one) => one !== '')) {
          const [id = ''] = tag.split(/\s/); // folded lines belong to the tag for some
          expect(bytes.includes(`: ${id}\r`), `${caseName} was answered ${tag}`).toBe(true);
        }
    });
  },
);
