import { expect, it } from '@jest/globals';
import type { IncomingMessage } from '../../../../lib/client/message/incoming-message.js';
import { Lanes } from '../../../../lib/client/receive/lanes.js';

const message = (): IncomingMessage => ({ lane: undefined }) as IncomingMessage;

it('a lane is there as long as it is used, and hands on in order', () => {
  const lanes = new Lanes();
  const [first, second, third] = [message(), message(), message()];
  expect([
    lanes.enter('a', first),
    lanes.enter('a', second),
    lanes.enter('a', third),
    lanes.enter('b', message()),
  ]).toEqual([true, false, false, true]);
  expect([lanes.size, first.lane]).toEqual([2, 'a']);
  expect([lanes.leave('b'), lanes.size]).toEqual([undefined, 1]);
  expect([lanes.leave('a') === second, lanes.leave('a') === third, lanes.leave('a'), lanes.size]).toEqual([
    true,
    true,
    undefined,
    0,
  ]);
});

it('those who wait can be taken out, the one in front keeps its lane', () => {
  const lanes = new Lanes();
  const [first, second, third] = [message(), message(), message()];
  lanes.enter('a', first);
  lanes.enter('a', second);
  expect(lanes.drainWaiting()).toEqual([second]);
  expect(lanes.enter('a', third)).toBe(false);
  expect(lanes.leave('a')).toBe(third);
});
