/** Our speaker and FRR. */
import { frr } from '../support/frr.ts';
import { interopTests } from '../support/interop.ts';

interopTests(frr);
