import { expect, test } from '@jest/globals';
import { boxTable, plainTable } from '../../../cli/tables.ts';

// Both layouts as a real calicoctl 3.33 printed them.
test('columns are padded to the widest cell and three blanks, also the last one, and a blank line follows', () => {
  expect(plainTable(['NAME', 'ASN', 'IPV4', 'IPV6'], [['n1', '(64512)', '10.200.0.11/24', ''], ['n2', '(64512)', '10.200.0.12/24', '']])).toBe(
    'NAME   ASN       IPV4             IPV6   \n'
    + 'n1     (64512)   10.200.0.11/24          \n'
    + 'n2     (64512)   10.200.0.12/24          \n\n');
});

test('boxes have rules around the header and at the end, numbers on the right', () => {
  const head = ['GROUPING', 'CIDR', 'IPS TOTAL', 'IPS IN USE', 'IPS RESERVED', 'IPS FREE'];
  expect(boxTable(head, [['IP Pool', '10.244.0.0/16', '65536', '4 (0%)', '0 (0%)', '65532 (100%)']], head.slice(2))).toBe(
    `+----------+---------------+-----------+------------+--------------+--------------+
| GROUPING | CIDR          | IPS TOTAL | IPS IN USE | IPS RESERVED | IPS FREE     |
+----------+---------------+-----------+------------+--------------+--------------+
| IP Pool  | 10.244.0.0/16 |     65536 |     4 (0%) |       0 (0%) | 65532 (100%) |
+----------+---------------+-----------+------------+--------------+--------------+
`);
});
