// `npm run soak -- [--seconds N] [--seed N]`: senders and consumers under faults that come at random.

import { runFaults } from './run-faults.mjs';

runFaults(['test/peer/faults/soak.spec.ts'], {}, { seconds: { type: 'string', default: '600' } });
