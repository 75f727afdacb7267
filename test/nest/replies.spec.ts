import { describe, expect, it } from '@jest/globals';
import { BadRequestException, HttpException } from '@nestjs/common';
import { RpcException } from '@nestjs/microservices';

import {
  type AmqpConnection,
  createMessage,
  LinkDetachedError,
  policy,
  type PolicyDecision,
  type ReceivedMessage,
  type SendClient,
  SendError,
  type SendErrorCode,
  type SendOptions,
  type Target,
} from '../../lib/index.js';
import { errorBody } from '../../lib/nest/reply/error-body.js';
import { answerFailures, Replies } from '../../lib/nest/reply/replies.js';
import { Lines } from './harness.js';

interface SentReply {
  readonly address: string;
  readonly body: unknown;
  readonly options: SendOptions;
}

/** A connection whose send clients only write down what they are given. */
class Recorded {
  readonly made: string[] = [];
  readonly closed: string[] = [];
  readonly sent: SentReply[] = [];
  readonly lines = new Lines();

  replies(): Replies {
    const createReplyClient = (target: Target): SendClient => {
      const address = target as string;
      this.made.push(address);
      const client: Pick<SendClient, 'send' | 'close' | 'hasWritten' | 'pending'> = {
        pending: [],
        hasWritten: () => false,
        send: (body, options = {}) => {
          this.sent.push({ address, body, options });
          return Promise.resolve({ ok: true, messageId: 'x', routed: true, attempts: 1 });
        },
        close: () => Promise.resolve(void this.closed.push(address)),
      };
      return client as SendClient; // all that Replies calls
    };
    const connection: Pick<AmqpConnection, 'createReplyClient'> = { createReplyClient };
    return new Replies(connection as AmqpConnection, this.lines);
  }
}

const request = (sections: Partial<ReceivedMessage>): ReceivedMessage => createMessage(sections) as ReceivedMessage; // no delivery is needed for a reply

describe('a reply', () => {
  it.each([
    ['the correlation-id', { correlationId: 'c', messageId: 'm' }, 'c'],
    ['the message-id without one', { messageId: 7n }, 7n],
    ['nothing without either', {}, undefined],
  ])('correlates by %s of the request', async (_what, ids, expected) => {
    const recorded = new Recorded();
    await recorded
      .replies()
      .to(request({ properties: { replyTo: 'here', ...ids } }))
      ?.value(1);
    expect(recorded.sent.map(({ options }) => options.correlationId)).toEqual([expected]);
  });

  it('is not durable and lives as long as the request', async () => {
    const recorded = new Recorded();
    const replies = recorded.replies();
    await replies.to(request({ properties: { replyTo: 'here' }, header: { ttl: 5_000 } }))?.value(1);
    await replies.to(request({ properties: { replyTo: 'here' } }))?.value(1);
    expect(recorded.sent.map(({ options: { durable, ttlMs } }) => [durable, ttlMs])).toEqual([
      [false, 5_000],
      [false, undefined],
    ]);
  });

  it.each([[undefined], ['']])('is none for a request with reply-to %p', (replyTo) => {
    expect(new Recorded().replies().to(request({ properties: { replyTo } }))).toBeUndefined();
  });
});

describe('the links for replies', () => {
  it('are kept for 64 addresses; the one not used for longest is closed', async () => {
    const recorded = new Recorded();
    const replies = recorded.replies();
    const replyTo = async (address: string): Promise<void> =>
      replies.to(request({ properties: { replyTo: address } }))?.value(1);
    for (let index = 0; index < 64; index++) await replyTo(`r${index}`);
    await replyTo('r0');
    expect([recorded.made.length, recorded.closed]).toEqual([64, []]);
    await replyTo('r64');
    expect(recorded.closed).toEqual(['r1']);
    await replyTo('r0');
    expect(recorded.made.filter((address) => address === 'r0')).toHaveLength(1);
  });

  it('give way first where no reply is under way, and else within a second', async () => {
    const closed: [string, number | undefined][] = [];
    const createReplyClient = (address: string): unknown => ({
      send: () => Promise.resolve(),
      hasWritten: () => false,
      pending: address.startsWith('busy') ? [{}] : [],
      close: ({ timeoutMs }: { timeoutMs?: number } = {}) => Promise.resolve(void closed.push([address, timeoutMs])),
    });
    const replies = new Replies({ createReplyClient } as unknown as AmqpConnection, new Lines()); // all that is asked of it
    const replyTo = (address: string) => replies.to(request({ properties: { replyTo: address } }))?.value(1);
    for (let index = 0; index < 63; index++) await replyTo(`busy-${index}`);
    await replyTo('idle');
    await replyTo('busy-63');
    expect(closed.map(([address]) => address)).toEqual(['idle']);
    await replyTo('busy-64');
    expect(closed.slice(1)).toEqual([['busy-0', 1_000]]);
  });

  it('that cannot be made cost a log line', async () => {
    const lines = new Lines();
    const createReplyClient = (): never => {
      throw new Error('the connection is closed');
    };
    const replies = new Replies({ createReplyClient } as unknown as AmqpConnection, lines);
    await replies.to(request({ properties: { replyTo: 'here' } }))?.value(1);
    expect(lines.lines).toEqual(['warn no reply could be sent to here: the connection is closed']);
  });
});

describe('replies that nobody takes', () => {
  it('cost one log line, until one is taken again', async () => {
    const lines = new Lines();
    const fate: { error: Error | undefined } = { error: undefined };
    const client = {
      send: () => (fate.error === undefined ? Promise.resolve() : Promise.reject(fate.error)),
      close: () => Promise.resolve(),
      hasWritten: () => false,
    };
    const connection = { createReplyClient: () => client } as unknown as AmqpConnection; // all that is asked of it
    const reply = new Replies(connection, lines).to(request({ properties: { replyTo: 'here' } }));
    fate.error = new SendError('rejected', 'full', { address: 'here', delivered: 'no', attempts: 1 });
    expect(await Promise.all([reply?.next(1), reply?.next(2), reply?.next(3)])).toEqual([false, false, false]);
    expect(lines.lines).toEqual(['warn no reply could be sent to here: full']);
    fate.error = undefined;
    expect(await reply?.next(4)).toBe(true);
    fate.error = new SendError('rejected', 'full again', { address: 'here', delivered: 'no', attempts: 1 });
    await reply?.value(5);
    expect(lines.lines.slice(1)).toEqual(['warn no reply could be sent to here: full again']);
  });
});

describe('a requester that is gone', () => {
  const failed = (code: SendErrorCode, condition?: string, cause?: Error): Error =>
    new SendError(code, 'not found', { address: 'x', delivered: 'no', attempts: 0, condition, cause });
  const gone = (): Error => failed('link-closed', 'amqp:not-found');

  function repliesToNobody(lines: Lines): Replies {
    const createReplyClient = (): unknown => ({
      send: () => Promise.reject(gone()),
      close: () => Promise.resolve(),
      hasWritten: () => false,
    });
    return new Replies({ createReplyClient } as unknown as AmqpConnection, lines); // all that is asked of it
  }

  it.each<[string, Error, boolean]>([
    ['there is no such address', failed('link-closed', 'amqp:not-found'), true],
    ['it was deleted', failed('link-closed', 'amqp:resource-deleted'), true],
    ['it was detached', failed('link-closed', undefined, new LinkDetachedError('gone', 'x', 'link')), true],
    ['it did not take this reply in time', failed('timeout'), false],
    ['it did not take this reply in time, and was detached once', failed('timeout', 'amqp:not-found'), false],
    ['this reply was rejected', failed('rejected', 'amqp:not-found'), false],
    ['nobody may send there', failed('link-closed', 'amqp:unauthorized-access'), false],
    ['the connection is lost', failed('connection-lost'), false],
  ])('has its link closed where %s: %s, %s', async (_why, error, isClosed) => {
    const closed: string[] = [];
    const createReplyClient = (address: string): unknown => ({
      send: () => Promise.reject(error),
      hasWritten: () => false,
      close: () => Promise.resolve(void closed.push(address)),
    });
    const replies = new Replies({ createReplyClient } as unknown as AmqpConnection, new Lines()); // all that is asked of it
    await replies.to(request({ properties: { replyTo: 'here' } }))?.value(1);
    expect(closed).toEqual(isClosed ? ['here'] : []);
  });

  it('costs one log line, however many replies it misses and links it takes', async () => {
    const lines = new Lines();
    const replies = repliesToNobody(lines);
    const replyTo = (address: string): Promise<void> | undefined =>
      replies.to(request({ properties: { replyTo: address } }))?.value(1);
    for (let reply = 0; reply < 5; reply++) await replyTo('gone');
    expect(lines.lines).toEqual(['warn no reply could be sent to gone: not found']);
    for (let other = 0; other < 1_024; other++) await replyTo(`gone-${other}`);
    await replyTo('gone');
    expect(lines.lines.filter((line) => line.includes(' gone:'))).toHaveLength(2);
  });

  it('cannot write lines of its own into the log, nor endless ones', async () => {
    const lines = new Lines();
    const replies = repliesToNobody(lines);
    await replies.to(request({ properties: { replyTo: 'a\nERROR all is lost' } }))?.value(1);
    await replies.to(request({ properties: { replyTo: 'x'.repeat(10_000) } }))?.value(1);
    expect(lines.lines[0]).toContain('"a\\nERROR all is lost"');
    expect(lines.lines.map((line) => line.length < 400 && !line.includes('\n'))).toEqual([true, true]);
  });
});

describe('a failure tells the requester', () => {
  it.each([
    ['an RpcException with a text', new RpcException('busy'), { status: 'error', message: 'busy' }],
    ['an RpcException with an object', new RpcException({ code: 5 }), { code: 5 }],
    [
      'an HttpException',
      new BadRequestException(['id must be a number']),
      { status: 400, message: ['id must be a number'], error: 'Bad Request', statusCode: 400 },
    ],
    ['an HttpException with a text', new HttpException('gone', 410), { status: 410, message: 'gone' }],
    ['any other error', new Error('password=secret'), { status: 'error', message: 'Internal server error' }],
    ['what is no error', 'password=secret', { status: 'error', message: 'Internal server error' }],
  ])('of %s', (_what, error, body) => {
    expect(errorBody(error)).toEqual(body);
  });

  it.each([
    ['retry', policy.retry({ attempts: 5, backoff: policy.fixed(0) }), []],
    ['redeliver', policy.redeliver({ maxDeliveries: 5 }), []],
    ['release', policy.release, []],
    ['accept', policy.accept, []],
    ['reject', policy.reject(), ['error']],
    ['dead-letter', policy.deadLetter('dead'), ['error']],
  ])('only when the policy is through with the message: %s', async (_what, given, kinds) => {
    const recorded = new Recorded();
    const message = request({ properties: { replyTo: 'here' } });
    const failed = { message, address: 'orders', attempt: 1, deliveryCount: 0 };
    const decision: PolicyDecision = await answerFailures(given, recorded.replies())(new Error('x'), failed);
    expect(decision).toEqual(await given(new Error('x'), failed));
    expect(recorded.sent.map(({ options }) => options.applicationProperties?.['x-reply'])).toEqual(kinds);
  });

  it('without hiding from the client that the policy redelivers', () => {
    const given = policy.redeliver({ maxDeliveries: 5 });
    const marks = Object.getOwnPropertySymbols(given);
    expect(marks).toHaveLength(1);
    expect(Object.getOwnPropertySymbols(answerFailures(given, new Recorded().replies()))).toEqual(marks);
  });
});
