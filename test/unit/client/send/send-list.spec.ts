import { expect, it } from '@jest/globals';
import { PendingSend, type SendEvents } from '../../../../lib/client/send/pending-send.js';
import { SendList } from '../../../../lib/client/send/send-list.js';

const nobody: SendEvents = {
  settled: () => undefined,
  lost: () => undefined,
  expired: () => undefined,
  aborted: () => undefined,
};

function pendingOf(sequence: number): PendingSend {
  const pending = new PendingSend(nobody, { body: undefined, bodyType: 'none' }, false);
  pending.sequence = sequence;
  return pending;
}

const sequences = (list: SendList): number[] => list.snapshot().map(({ sequence }) => sequence);

it('sends stand in the order of their calls, however they come back', () => {
  const list = new SendList();
  for (const sequence of [0, 2, 4]) list.append(pendingOf(sequence));
  for (const sequence of [3, 1, 9, 5, 6, 7, 8]) list.insertBySequence(pendingOf(sequence));
  expect(sequences(list)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect([list.size, list.first?.sequence, list.last?.sequence]).toEqual([10, 0, 9]);
});

it('a send leaves from everywhere, also the one that came back last', () => {
  const list = new SendList();
  const all = [0, 1, 2, 3, 4].map((sequence) => pendingOf(sequence));
  for (const pending of all) list.insertBySequence(pending);
  for (const index of [4, 0, 2]) list.remove(all[index] as PendingSend);
  expect(sequences(list)).toEqual([1, 3]);
  list.insertBySequence(pendingOf(2));
  expect(sequences(list)).toEqual([1, 2, 3]);
  for (const pending of list.snapshot()) list.remove(pending);
  expect([list.size, list.first, list.last]).toEqual([0, undefined, undefined]);
});
