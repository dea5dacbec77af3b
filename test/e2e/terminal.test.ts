/**
 * A person at a terminal: asked before commands run, answers, interrupts, goes on, leaves.
 *
 * What the conversation shows in every corner is tested beside it in `client/cli/conversation/interactive.test.ts`.
 * What must stay true: nothing that was refused ran, and what was allowed ran once.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { startTimeOf } from '../../config/runtime-file.js';
import { CLI, withRig } from '../support/rig.js';
import { withScreen, type Screen } from '../support/tmux.js';
import { GATED } from './open-rig.js';

/** Keys that come sooner than a person can read the question are no answer to it. */
const READING_MS = 400;
/** After this an interrupt is a first one again. */
const QUIT_WINDOW_MS = 2000;

const shell = (command: string) => ({ calls: [{ name: 'shell', arguments: { command } }] });

const REPLIES = [
  shell('touch refused'),
  shell('echo allowed >> allowed.txt'),
  shell('echo always >> always.txt'),
  shell('echo always >> always.txt'),
  { text: 'I have asked enough.' },
  shell(GATED),
  { text: 'I am back.' },
];

const answer = async (screen: Screen, command: RegExp, key: string): Promise<void> => {
  await screen.shows(command);
  await sleep(READING_MS);
  screen.keys(key, 'Enter');
};

test('n refuses, y allows once, a allows from then on; Ctrl+C interrupts, and twice quits', () =>
  withRig({ script: { replies: REPLIES } }, async (rig) => {
    const at = (name: string): string => join(rig.project, name);
    const request = {
      socket: join(dirname(rig.project), 'tmux'),
      command: [process.execPath, CLI, '-m', 'openai/mock', 'Do things, please.'],
      cwd: rig.project,
      env: { ...rig.env, NO_COLOR: '1', TERM: 'xterm-256color' },
    };
    await withScreen(request, async (screen) => {
      await answer(screen, /May it run shell: touch refused[^]*\[y\/n\/a\]/, 'n');
      await answer(screen, /May it run shell: echo allowed[^]*\[y\/n\/a\]/, 'y');
      await answer(screen, /May it run shell: echo always[^]*\[y\/n\/a\]/, 'a');
      await screen.shows(/I have asked enough\.[^]*\n> *\n/);
      expect(existsSync(at('refused'))).toBe(false);
      expect(readFileSync(at('allowed.txt'), 'utf8')).toBe('allowed\n');
      expect(readFileSync(at('always.txt'), 'utf8')).toBe('always\nalways\n');
      expect(screen.text().match(/May it run shell: echo always/g)).toHaveLength(1);

      screen.keys('Now wait.', 'Enter');
      await answer(screen, /May it run shell: echo \$\$[^]*\[y\/n\/a\]/, 'y');
      while (!existsSync(at('begun'))) await sleep(20);
      screen.keys('C-c');
      await screen.shows(/interrupted[^]*\n> *\n/);
      expect(startTimeOf(Number(readFileSync(at('begun'), 'utf8')))).toBeNull();
      screen.keys('Are you there?', 'Enter');
      await screen.shows(/I am back\.[^]*\n> *\n/);

      await sleep(QUIT_WINDOW_MS);
      screen.keys('C-c');
      await screen.shows(/Ctrl\+C again quits/);
      screen.keys('C-c');
      expect(await screen.exitCode()).toBe(130);
      expect(screen.text()).toMatch(/go on with: loomkin -r [0-9a-f]{8}/);
      expect(screen.text()).not.toMatch(/\n\s+at |node:internal/);
    });
    const told = rig.chat.records[1]!.body;
    expect(told).toMatch(/refused|denied|not allowed/i);
  }));
