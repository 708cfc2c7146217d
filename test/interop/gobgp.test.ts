/** Our speaker and GoBGP. */
import { gobgp } from '../support/gobgp.ts';
import { interopTests } from '../support/interop.ts';

interopTests(gobgp);
