/** Annotations whose values have a shape of their own. */
import { expect, test } from '@jest/globals';
import { CONFIGURATION_ANNOTATIONS } from '../../../../config/kinds/tortie-annotations.ts';

test.each([['prot', 11019], ['ports', [1]], ['adress', '192.0.2.2']])('a BMP station with a field that there is not, %s, is not understood', (field, value) => {
  const read = (station: object): unknown => CONFIGURATION_ANNOTATIONS['bmp-stations'].read(JSON.stringify([station]));
  expect(read({ address: '192.0.2.1' })).toMatchObject([{ address: '192.0.2.1', port: 11_019 }]);
  expect(read({ address: '192.0.2.1', [field]: value })).toBeUndefined();
});
