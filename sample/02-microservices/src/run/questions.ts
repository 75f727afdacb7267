// What is asked of the gateway, and what has to come back.

/** One question: its answer has to be exactly this. */
export interface Question {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: object;
  readonly status: number;
  /** What of the answer is compared; `undefined`: an answer without a body. */
  readonly expected: unknown;
  /** Asked again until it comes: events take their time. */
  readonly eventually?: boolean;
}

const get = (path: string, expected: unknown, status = 200): Question => ({ method: 'GET', path, status, expected });
const post = (path: string, body: object): Question => ({
  method: 'POST',
  path,
  body,
  status: 202,
  expected: undefined,
});

/** How many ask at once. */
export const CROWD = 100;

/** In this order. */
export const QUESTIONS: readonly Question[] = [
  get('/prices/tea', { sku: 'tea', cents: 499 }),
  get('/prices/coffee', { sku: 'coffee', cents: 790 }),
  get('/prices/unicorns', { message: 'nobody sells unicorns' }, 404),
  get('/prices/tea/history', ['450', '475', '499']),
  get('/stock/coffee', { sku: 'coffee', pieces: 50, cents: 50 * 790 }),
  post('/orders', { sku: 'coffee', pieces: 20 }),
  post('/returns', { sku: 'coffee', pieces: 5 }),
  { ...get('/stock/coffee', { sku: 'coffee', pieces: 35, cents: 35 * 790 }), eventually: true },
];

/** An order of one piece each, all at once; in the end all of them are gone from the stock. */
export const ORDERS: readonly Question[] = Array.from({ length: CROWD }, () =>
  post('/orders', { sku: 'tea', pieces: 1 }),
);
export const AFTER_ORDERS: Question = {
  ...get('/stock/tea', { sku: 'tea', pieces: 1_000 - CROWD, cents: (1_000 - CROWD) * 499 }),
  eventually: true,
};
