// What nest tells observers. None of these are public names; those are in ../index.ts.

export { AnsweredFailure } from './answered-failure.js';
