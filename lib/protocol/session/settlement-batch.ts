// A message arriving, last step: settlements of one turn of the event loop -> as few DISPOSITION frames as can be.

import { frameRoom, writeDisposition } from '../frames/write-performatives.js';
import type { Writer } from '../socket/writer.js';
import { distance, next } from './serial.js';

class Run {
  constructor(
    readonly first: number,
    public last: number,
    readonly state: Buffer,
  ) {}
}

/** Settlements of one session that wait to be written. Equal outcomes are equal `Buffer` objects. */
export class SettlementBatch {
  private runs: Run[] = [];
  private newest: Run | undefined;

  get isEmpty(): boolean {
    return this.newest === undefined;
  }

  add(id: number, state: Buffer): void {
    const run = this.newest;
    if (run !== undefined && run.state === state && next(run.last) === id) run.last = id;
    else this.runs.push((this.newest = new Run(id, id, state)));
  }

  write(writer: Writer, channel: number): void {
    if (this.newest === undefined) return;
    const runs = this.runs;
    this.runs = [];
    this.newest = undefined;
    if (runs.length > 1) join(runs);
    for (const run of runs) {
      writer.reserve(frameRoom(run.state.length));
      writer.position = writeDisposition(writer.buffer, writer.position, channel, true, run.first, run.last, run.state);
    }
  }

  clear(): void {
    this.runs = [];
    this.newest = undefined;
  }
}

/** Handlers that finish out of order leave many short runs; in the order of the ids most of them touch. */
function join(runs: Run[]): void {
  runs.sort((a, b) => distance(b.first, a.first));
  let kept = 0;
  for (const run of runs) {
    const before = kept > 0 ? runs[kept - 1] : undefined;
    if (before !== undefined && before.state === run.state && next(before.last) === run.first) before.last = run.last;
    else runs[kept++] = run;
  }
  runs.length = kept;
}
