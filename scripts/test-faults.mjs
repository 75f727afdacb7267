// `npm run test:faults [-- --seed N]`: the fault matrix, whole. `npm test` runs a part of each table. The seed is printed first, and repeats it.

import { runFaults } from './run-faults.mjs';

runFaults(['test/peer/faults'], { FAULTS: 'whole' });
