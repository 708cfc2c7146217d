/** Our speaker and BIRD 2. */
import { bird } from '../support/bird.ts';
import { interopTests } from '../support/interop.ts';

interopTests(bird);
