// Traffic over a connection whose tokens live shorter than it, on a broker that detaches every link whose connection has no good token.
// `npm run test:faults`: tokens of two seconds, ten seconds of traffic; `npm test`: three.

import { createHmac } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import { EmbeddedBroker, type EmbeddedBrokerOptions } from '../../../lib/broker/index.js';
import {
  AmqpConnection,
  jwtToken,
  sasToken,
  type AuthenticationStatus,
  type ConnectionOptions,
  type ConnectionStatus,
} from '../../../lib/client/index.js';
import { eventually } from '../../support/eventually.js';
import { isWhole } from './scale.js';

const TRAFFIC_MS = isWhole ? 10_000 : 3_000;
const TOKEN_MS = 2_000;
/** Long before the end: on a machine that is late by seconds, that would come first. */
const refreshBeforeMs = 0.85 * TOKEN_MS;
/** Of the tokens that nothing renews for a while. */
const BRIEF_TOKEN_MS = TRAFFIC_MS / 5;
const AUDIENCE = 'sb://embedded/orders';
const KEY = 'the-key-of-this-test';

const cleanUps: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

type Validate = NonNullable<NonNullable<EmbeddedBrokerOptions['cbs']>['validate']>;

/** Takes nobody without a good token: MSSBCBS is all that is offered. */
async function brokerOf(validate: Validate): Promise<EmbeddedBroker> {
  const broker = await EmbeddedBroker.start({
    queues: ['orders'],
    allowAnonymous: false,
    cbs: { required: true, validate },
  });
  cleanUps.push(() => broker.stop());
  return broker;
}

interface World {
  readonly connection: AmqpConnection;
  readonly statuses: ConnectionStatus[];
  readonly seen: AuthenticationStatus[];
  readonly log: string[];
}

function connect(broker: EmbeddedBroker, credentials: ConnectionOptions['credentials']): World {
  const world = { statuses: [] as ConnectionStatus[], seen: [] as AuthenticationStatus[], log: [] as string[] };
  const write = (line: string): void => void world.log.push(line);
  const connection = new AmqpConnection({
    uri: broker.uri,
    credentials,
    reconnect: { initialDelayMs: 5, maxDelayMs: 50 },
    logger: { log: write, warn: write, error: write },
    observer: {
      onStatus: ({ status }) => void world.statuses.push(status),
      onAuthentication: (status) => void world.seen.push(status),
    },
  });
  cleanUps.push(() => connection.close({ timeoutMs: 2_000 }));
  return { connection, ...world };
}

/** Sends without a pause until the time is over and enough is so, and counts what a consumer of the same connection gets, by number. */
async function traffic(
  connection: AmqpConnection,
  untilMs: number,
  isEnough = (): boolean => true,
): Promise<{ sent: number; received: Map<number, number> }> {
  const received = new Map<number, number>();
  const inbox = connection.createReceiveClient('orders');
  inbox.subscribe((message) => {
    const number = Number(message.body);
    received.set(number, (received.get(number) ?? 0) + 1);
  });
  const orders = connection.createSendClient('orders');
  const until = performance.now() + untilMs;
  let sent = 0;
  while (performance.now() < until || !isEnough()) {
    const results = await Promise.all(Array.from({ length: 20 }, () => orders.send(String(sent++))));
    expect(results.every(({ ok }) => ok)).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await eventually('everything has arrived', () => received.size === sent);
  return { sent, received };
}

const LIMIT_MS = TRAFFIC_MS + 20_000;

describe('traffic over tokens that live shorter than it', () => {
  it.each<[string, (renewals: () => void) => ConnectionOptions['credentials'], Validate]>([
    [
      'from a function',
      (asked) =>
        jwtToken({
          audience: AUDIENCE,
          refreshBeforeMs,
          getToken: () => {
            asked();
            return Promise.resolve({ token: `token-${Math.random()}`, expiresOn: Date.now() + TOKEN_MS });
          },
        }),
      ({ type }) => ({ statusCode: type === 'jwt' ? 202 : 400 }),
    ],
    [
      'signed by a key',
      (asked) => {
        // A signature counts in whole seconds: this one lives up to one longer.
        const credentials = sasToken({
          audience: AUDIENCE,
          keyName: 'Root',
          key: KEY,
          ttlMs: TOKEN_MS,
          refreshBeforeMs,
        });
        const { tokens } = credentials;
        if (tokens === undefined) throw new Error('no tokens');
        return { ...credentials, tokens: { ...tokens, get: () => (asked(), tokens.get()) } };
      },
      ({ token, audience }) => {
        const [, sr, sig = '', se] = /^SharedAccessSignature sr=(.+)&sig=(.+)&se=(\d+)&skn=Root$/.exec(token) ?? [];
        const good = createHmac('sha256', KEY).update(`${sr}\n${se}`).digest('base64') === decodeURIComponent(sig);
        return { statusCode: good && decodeURIComponent(sr ?? '') === audience ? 200 : 401 };
      },
    ],
  ])(
    '%s loses no message, keeps its connection and links, and shows each renewal',
    async (name, credentialsOf, validate) => {
      const put: string[] = [];
      const broker = await brokerOf((token) => {
        put.push(token.token);
        return validate(token);
      });
      let asked = 0;
      const { connection, statuses, seen, log } = connect(
        broker,
        credentialsOf(() => (asked += 1)),
      );
      await connection.open();
      const lives = name === 'from a function' || isWhole ? 4 : 1;
      const isRenewed = (): boolean => (connection.authentication?.refreshes ?? 0) >= lives;
      const { sent, received } = await traffic(connection, TRAFFIC_MS, isRenewed);

      expect(isRenewed()).toBe(true);
      // The traffic may have ended in the middle of a renewal.
      await eventually('no renewal is under way', () => connection.authentication?.state === 'ok');
      expect(connection.authentication?.failures).toBe(0);
      expect(put.length).toBeGreaterThan(lives);
      expect(asked).toBe(put.length);
      expect(seen.filter(({ state }) => state === 'refresh-required').length).toBeGreaterThanOrEqual(lives);
      expect(log.filter((line) => line.includes('was renewed, good until')).length).toBeGreaterThanOrEqual(lives);
      // Not one of them went down: the broker had a good token at each moment.
      expect(statuses).toEqual(['connecting', 'connected']);
      expect(log.filter((line) => /detached|refused|lost/.test(line))).toEqual([]);

      await broker.idle();
      expect(sent).toBeGreaterThan(100);
      expect([...received.values()].every((count) => count === 1)).toBe(true);
      expect(broker.queue('orders').stats()).toMatchObject({ enqueued: sent, accepted: sent, ready: 0, unsettled: 0 });
      for (const token of put) expect(log.join('\n')).not.toContain(token);
    },
    LIMIT_MS,
  );

  it(
    'loses none either when no token is to be had for longer than one lives: the connection ends with it and comes back',
    async () => {
      const broker = await brokerOf(() => ({ statusCode: 202 }));
      let isDown = false;
      const credentials = jwtToken({
        audience: AUDIENCE,
        getToken: () =>
          isDown
            ? Promise.reject(new Error('the identity service is down'))
            : Promise.resolve({ token: 'the-token-of-the-outage', expiresOn: Date.now() + BRIEF_TOKEN_MS }),
      });
      const { connection, statuses, seen } = connect(broker, credentials);
      await connection.open();
      const downMs = BRIEF_TOKEN_MS * 2;
      const outage = (async () => {
        await new Promise((resolve) => setTimeout(resolve, BRIEF_TOKEN_MS / 2));
        isDown = true;
        await new Promise((resolve) => setTimeout(resolve, downMs));
        isDown = false;
      })();
      const { sent, received } = await traffic(connection, TRAFFIC_MS);
      await outage;
      expect(statuses).toContain('disconnected');
      expect(seen.map(({ state }) => state)).toContain('expired');
      await eventually('connected again', () => connection.status === 'connected');
      await broker.idle();
      expect(received.size).toBe(sent);
      expect(broker.queue('orders').stats()).toMatchObject({ ready: 0, unsettled: 0 });
    },
    LIMIT_MS,
  );
});
