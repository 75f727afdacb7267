// `node --import ./test/support/ts-register.mjs file.ts` runs TypeScript as Jest does: swc takes the types away, `.js` in an import finds `.ts`.
// The package's own name, as the samples import it, is this repository.
import { register } from 'node:module';

register('./ts-hooks.mjs', import.meta.url);
