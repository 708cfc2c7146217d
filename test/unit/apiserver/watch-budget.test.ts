/** Watches share one budget: who has stood still longest is dropped, and what it kept is free at once. */
import { expect, test } from '@jest/globals';
import { WatchBudget, type Account, type Debtor } from '../../../apiserver/watch-budget.ts';
import { FakeClock } from '../../support/fake-clock.ts';

class FakeClient implements Debtor {
  waiting = 0;
  dropped = false;
  readonly #account: Account;
  constructor(budget: WatchBudget) { this.#account = budget.open(this); }
  write(bytes: number): this {
    this.#account.writing(bytes);
    if (!this.dropped) this.waiting += bytes;
    return this;
  }
  take(bytes: number): void { this.waiting -= bytes; }
  leave(): void { this.#account[Symbol.dispose](); }
  drop(): void {
    this.dropped = true;
    this.waiting = 0;
  }
}

test('however many watches there are and whatever they are sent, no more waits than the budget', () => {
  const clock = new FakeClock();
  const budget = new WatchBudget(clock, 1000);
  const clients = Array.from({ length: 30 }, () => new FakeClient(budget));
  for (let round = 0; round < 50; round++) {
    for (const [i, client] of clients.entries()) {
      client.write(1 + i % 7);
      expect(clients.reduce((sum, c) => sum + c.waiting, 0)).toBeLessThanOrEqual(1000);
    }
    clock.advance(10);
  }
  expect(clients.filter((c) => c.dropped).length).toBeGreaterThan(0);
  expect(clients.filter((c) => !c.dropped).length).toBeGreaterThan(0);
});

test('who has stood still longest is dropped, not who has just begun with a long list, nor who is slow but reads', () => {
  const clock = new FakeClock();
  const budget = new WatchBudget(clock, 1000);
  const [still, slow] = [new FakeClient(budget).write(300), new FakeClient(budget).write(400)];
  clock.advance(60_000);
  slow.take(1);
  const fresh = new FakeClient(budget).write(600);
  expect([still, slow, fresh].map((c) => c.dropped)).toEqual([true, false, false]);
});

test('a client that was idle is not one that stood still', () => {
  const clock = new FakeClock();
  const budget = new WatchBudget(clock, 1000);
  const idle = new FakeClient(budget).write(10);
  idle.take(10);
  clock.advance(60_000);
  const other = new FakeClient(budget).write(900);
  clock.advance(1);
  idle.write(200);
  expect([idle.dropped, other.dropped]).toEqual([false, true]);
});

test('one watch that is too much by itself is dropped itself; one that is gone counts no more', () => {
  const budget = new WatchBudget(new FakeClock(), 1000);
  const gone = new FakeClient(budget).write(900);
  gone.leave();
  const next = new FakeClient(budget).write(900);
  expect([gone.dropped, next.dropped, next.write(101).dropped]).toEqual([false, false, true]);
});
