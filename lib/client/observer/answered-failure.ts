/**
 * What a handler returns that failed and has told whoever waits for its answer: the message is settled as after a success, and observers
 * hear of the failure.
 */
export class AnsweredFailure {
  constructor(readonly error: unknown) {}
}
