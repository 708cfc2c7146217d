import { expect, test } from '@jest/globals';
import { commandIn, parseArguments } from '../../../lab/arguments.ts';

test.each([
  ['ant -- ping -c1 x'], ['ant ping -c1 x'], ['--name b ant ping -c1 x'], ['ant --name b -- ping -c1 x'], ['ant --name=b ping -c1 x'],
])('exec %s', (line) => {
  const call = parseArguments('exec', line.split(' '));
  expect([call.words, call.rest, call.name]).toEqual([['ant'], ['ping', '-c1', 'x'], line.includes('name') ? 'b' : 'lab']);
});

test('what follows the place is not ours, whatever it looks like', () => {
  expect(parseArguments('exec', ['n1', 'sh', '-c', 'x', '--', '--name']).rest).toEqual(['sh', '-c', 'x', '--', '--name']);
});

test.each([['down', 'mylab'], ['up', '5'], ['status', 'x'], ['heal', 'n1 n2']])('%s %s: a word too many is refused, not ignored', (command, line) => {
  expect(() => parseArguments(command, line.split(' '))).toThrow(/LAB_USAGE \(command=\w+ surplus=/);
});

test.each([['', 'demo', ''], ['--name mine', 'demo', '--name mine'], ['--name=mine', 'demo', '--name=mine'], ['-h', 'help', ''], ['up --nodes 5', 'up', '--nodes 5']])(
  '"%s" is the command %s', (line, command, rest) => {
    const words = (text: string): string[] => text.split(' ').filter((word) => word !== '');
    expect(commandIn(words(line))).toEqual({ command, rest: words(rest) });
  },
);
