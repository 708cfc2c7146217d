/** Other programs, run to their end. */
import { expect, test } from '@jest/globals';
import { run, runOrThrow } from '../../../sys/exec.ts';

test('status, both outputs, input and environment', async () => {
  const r = await run('sh', ['-c', 'cat; echo "$A $B" >&2; exit 3'], { stdin: 'hello', env: { A: '1', PATH: '/bin:/usr/bin' } });
  expect(r).toEqual({ status: 3, signal: undefined, stdout: 'hello', stderr: '1 \n', timedOut: false, truncated: false });
});

test('a program that does not end is killed, and whoever holds its output does not matter', async () => {
  const r = await run('sh', ['-c', 'echo begun; sleep 60 & wait'], { timeoutMs: 100 });
  expect(r).toMatchObject({ status: undefined, signal: 'SIGKILL', timedOut: true });
});

test('an abort kills it', async () => {
  const abort = new AbortController();
  const running = run('sleep', ['60'], { signal: abort.signal });
  abort.abort();
  expect(await running).toMatchObject({ signal: 'SIGKILL', timedOut: false });
  expect(await run('sleep', ['60'], { signal: abort.signal })).toMatchObject({ signal: 'SIGKILL' });
});

test('output is kept up to its bound', async () => {
  const r = await run('sh', ['-c', 'head -c 1000000 /dev/zero | tr "\\0" x'], { outputBytes: 1_000 });
  expect([r.status, r.stdout.length, r.truncated]).toEqual([0, 1_000, true]);
});

test('input that is not read is no error', async () => {
  expect(await run('true', [], { stdin: Buffer.alloc(1 << 20) })).toMatchObject({ status: 0 });
});

test('what cannot start, or fails, says so', async () => {
  await expect(run('/nonexistent/program', [])).rejects.toThrow(/EXEC_START .*nonexistent.*ENOENT/);
  await expect(runOrThrow('sh', ['-c', 'echo no luck >&2; exit 2'])).rejects.toThrow(/EXEC_FAILED .*status 2.*no luck/);
  await expect(runOrThrow('sleep', ['60'], { timeoutMs: 50 })).rejects.toThrow(/timed out/);
  expect(await runOrThrow('echo', ['yes'])).toBe('yes\n');
});
