/** Links deleted in the background, one by one and many at a time, in a real kernel. */
import { expect } from '@jest/globals';
import { LinkRemoval } from '../../sys/netlink/link-removal.ts';
import { createVeth, linkByName, listLinks } from '../../sys/netlink/links.ts';
import { namespaces, program, root } from '../support/capabilities.ts';
import { Namespaces } from '../support/namespaces.ts';
import { skipUnless } from '../support/skip.ts';

const scenario = skipUnless(root, namespaces, program('ip'));

scenario('one link, many links and absent ones go, and no other', async () => {
  await using net = await Namespaces.create('link removal');
  const ns = net.add('a');
  const socket = ns.netlink();
  for (let i = 0; i < 21; i++) createVeth(socket, { name: `v${i}`, peer: { name: `w${i}` } });
  const index = (name: string): number => linkByName(socket, name)!.index;
  const gone = index('v20');
  const removal = ns.within(() => LinkRemoval.open());

  await removal.remove(gone);
  expect(linkByName(socket, 'w20')).toBeUndefined();
  await removal.remove(gone);
  const turns: number[] = [];
  const ticking = setInterval(() => { turns.push(1); }, 1);
  await Promise.all([...Array.from({ length: 19 }, (_, i) => removal.remove(index(`v${i}`))), removal.remove(gone)]);
  clearInterval(ticking);

  expect(listLinks(socket).map((l) => l.name).sort()).toEqual(['lo', 'v19', 'w19']);
  expect(turns.length).toBeGreaterThan(2); // the event loop went on meanwhile
  removal[Symbol.dispose]();
});
