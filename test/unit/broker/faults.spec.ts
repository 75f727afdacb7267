import { describe, expect, it } from '@jest/globals';
import { FaultList, type InjectedFault } from '../../../lib/broker/queue/injected-fault.js';
import { FakeConsumer } from './support/fake-consumer.js';
import { content, FakeBroker } from './support/fake-nodes.js';

const strikes = (faults: FaultList, count: number): (string | undefined)[] =>
  Array.from({ length: count }, () => faults.onTransfer()?.kind);

describe('injected faults', () => {
  it.each<[InjectedFault, (string | undefined)[]]>([
    [{ kind: 'reject' }, ['reject', undefined, undefined]],
    [{ kind: 'reject', times: 2 }, ['reject', 'reject', undefined]],
    [{ kind: 'release', after: 1 }, [undefined, 'release', undefined]],
    [{ kind: 'detach', times: Infinity }, ['detach', 'detach', 'detach']],
    [{ kind: 'no-credit' }, [undefined, undefined, undefined]],
  ])('%j strikes so: %j', (fault, expected) => {
    const faults = new FaultList();
    faults.inject(fault);
    expect(strikes(faults, 3)).toEqual(expected);
  });

  it('count each from its own start, and the older one strikes first', () => {
    const faults = new FaultList();
    faults.inject({ kind: 'release', after: 1 });
    faults.inject({ kind: 'reject' });
    expect(strikes(faults, 3)).toEqual(['reject', 'release', undefined]);
  });

  it('of sending do not touch deliveries', () => {
    const faults = new FaultList();
    faults.inject({ kind: 'reject' });
    faults.inject({ kind: 'detach' });
    expect(faults.onDelivery()?.kind).toBe('detach');
    expect(faults.onDelivery()).toBeUndefined();
    expect(faults.onTransfer()?.kind).toBe('reject');
  });

  it('withhold credit after the given number of messages, until they are cleared', () => {
    const queue = new FakeBroker().queue();
    const seen: boolean[] = [];
    queue.addProducer({ creditChanged: () => seen.push(queue.withholdsCredit), detach: () => undefined });
    queue.inject({ kind: 'no-credit', after: 1 });
    queue.faultOnTransfer();
    queue.clearFaults();
    expect(seen).toEqual([false, true, false]);
  });

  it('detach the consumer of the next delivery and leave the message for another', () => {
    const queue = new FakeBroker().queue();
    const victim = new FakeConsumer(queue, { credit: 5 });
    queue.inject({ kind: 'detach', condition: 'app:gone', description: 'on purpose' });
    queue.publish(content('a'));
    expect(victim.detachedWith).toEqual({ condition: 'app:gone', description: 'on purpose' });
    expect(new FakeConsumer(queue, { credit: 1 }).bodies).toEqual(['a']);
  });

  it('drop the connection of the next delivery, and the others go on', () => {
    const queue = new FakeBroker().queue();
    const consumers = [new FakeConsumer(queue, { credit: 5 }), new FakeConsumer(queue, { credit: 5 })];
    queue.inject({ kind: 'drop-connection', after: 1 });
    for (const body of ['a', 'b', 'c']) queue.publish(content(body));
    expect(consumers.filter(({ isDropped }) => isDropped)).toHaveLength(1);
    expect(consumers.reduce((sum, { got }) => sum + got.length, 0)).toBe(3);
  });
});
