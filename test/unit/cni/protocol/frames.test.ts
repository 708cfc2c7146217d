import { expect, test } from '@jest/globals';
import { FrameError, decodeOutput, decodeRequest, encodeExecution, encodeRequest, encodeResult, type ShimRequest } from '../../../../cni/protocol/frames.ts';

const request: ShimRequest = {
  program: 'tortie',
  environment: new Map([['CNI_COMMAND', 'ADD'], ['CNI_ARGS', 'A=b;C=d=e']]),
  input: '{"name":"käfig"}',
};

test('a request survives its encoding, values with "=" and text beyond ASCII included', () => {
  expect(decodeRequest(encodeRequest(request))).toEqual(request);
});

test('a result is the letter r, the exit status and the text', () => {
  expect(Buffer.from(encodeResult(1, '{}\n')).toString('hex')).toBe('7201000000037b7d0a');
});

test('an execution is the letter x, path, environment and input', () => {
  const bytes = encodeExecution({ path: '/p', environment: new Map([['A', 'b']]), input: 'i' });
  expect(Buffer.from(bytes).toString('latin1')).toBe('x\0\0\0\x02/p\0\0\0\x01\0\0\0\x03A=b\0\0\0\x01i');
});

test.each([
  ['nothing', ''],
  ['another kind', '7201000000'],
  ['another version', '5202'],
  ['a string longer than the message', '5201ffffffff41'],
  ['more variables than anybody sets', '520100000000ffffffff'],
  ['a variable without "="', '5201000000000000000100000003414243' + '00000000'],
  ['bytes behind the end', '52010000000000000000000000' + '0000'],
  ['what is not UTF-8', '520100000001ff0000000000000000'],
])('%s is a FrameError', (_what, hex) => {
  expect(() => decodeRequest(Buffer.from(hex, 'hex'))).toThrow(FrameError);
});

test('every prefix of a request is refused', () => {
  const bytes = encodeRequest(request);
  for (let length = 0; length < bytes.length; length++) {
    expect(() => decodeRequest(bytes.subarray(0, length))).toThrow(FrameError);
  }
});

test('random bytes are refused or decoded, never anything else', () => {
  let seed = 1;
  const random = (): number => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
  for (let i = 0; i < 2000; i++) {
    const bytes = Uint8Array.from({ length: Math.floor(random() * 40) }, () => Math.floor(random() * 256));
    for (const decode of [decodeRequest, decodeOutput]) {
      try { decode(bytes); } catch (error) { expect(error).toBeInstanceOf(FrameError); }
    }
  }
});

test('the output of a program that did not start says why', () => {
  expect(decodeOutput(Buffer.from('o\0\0\0\0\0\x02no', 'latin1'))).toEqual({ started: false, status: 0, output: 'no' });
});
