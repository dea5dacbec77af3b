/**
 * Commands that turn on what holds them: their wrapper, their folder, their group, their input, their shell.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { folderNameOf } from '../../../activities/effects/process/folder.js';
import { processFacts } from '../../../activities/effects/process/proc.js';
import { markedProcesses, withScene, type Scene } from '../../effects/process-scene.js';

const folderOf = ({ shellsDir, session }: Scene): string =>
  join(shellsDir, folderNameOf(`${session}/lead.1.0`));

/** Living processes with this folder among their arguments. */
const processesIn = (folder: string): string[] =>
  readdirSync('/proc').filter((name) => {
    try {
      return readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0').includes(folder);
    } catch {
      return false;
    }
  });

describe('a command', () => {
  test.each([
    ['0', 'exit 0', '(no output)', false],
    ['1', 'false', '[exit code 1]', true],
    ['255', 'exit -1', '[exit code 255]', true],
    ['256', 'exit 256', '(no output)', false],
    ['120, as the wrapper has it', 'exit 120', '[exit code 120]', true],
    ['of a signal', 'kill -SEGV $$', '[exit code 139]', true],
    ['of what it became', 'exec sh -c "echo became; exit 7"', 'became\n[exit code 7]', true],
    ['of the first that fails', 'set -e; echo a; false; echo b', 'a\n[exit code 1]', true],
    ['of a pipe', 'set -o pipefail; false | true', '[exit code 1]', true],
    ['of what is not there', 'no-such-thing-2>/dev/null', '[exit code 127]', true],
    ['of an unset variable', 'set -u; echo $none_such', 'unbound variable\n[exit code 127]', true],
  ])('ends with code %s', (_name, command, end, isError) =>
    withScene(async ({ shell }) => {
      const { outcome } = await shell(command);
      expect(outcome.text.endsWith(end)).toBe(true);
      expect(outcome).toMatchObject({ isError, state: 'applied' });
    }),
  );

  test.each([
    ['a here-document', 'cat <<"END"\n$HOME `x` \\\nEND', '$HOME `x` \\\n'],
    ['one without an end', 'cat <<END\nall the rest', 'all the rest\n'],
    ['a comment alone', '# nothing', '(no output)'],
    ['a comment first', '# first\necho x', 'x\n'],
    ['line breaks around it', '\n\n echo x \n\n', 'x\n'],
    [
      'carriage returns in its text',
      "printf 'a\\r\\n' | od -c | head -1",
      '0000000   a  \\r  \\n\n',
    ],
    ['what closes a quote of ours', `echo "'"; echo '"'`, `'\n"\n`],
    ['arguments of its own', 'echo "$# $0"; set -- a b; echo "$#"', '0 bash\n2\n'],
    ['names in all scripts', 'mkdir "日本 😀" && cd "日本 😀" && basename "$PWD"', '日本 😀\n'],
    ['an alias and a function', 'shopt -s expand_aliases\nalias q="echo q"\nf() { q; }\nf', 'q\n'],
    ['bytes that are no text', "printf '\\xff\\x00\\xfe'", '\uFFFD\uFFFD\uFFFD'],
  ])('may hold %s', (_name, command, text) =>
    withScene(async ({ shell }) => {
      expect((await shell(command)).outcome.text).toContain(text);
    }),
  );

  test('that asks for input or a terminal is told that there is none, and does not wait', () =>
    withScene(async ({ shell }) => {
      const { outcome } = await shell(
        'read x; echo "read: $?"; cat; tty; test -t 1 || echo no terminal; : </dev/tty || echo none',
      );
      expect(outcome.text).toContain('read: 1\n');
      expect(outcome.text).toContain('not a tty\nno terminal\n');
      expect(outcome.text).toMatch(/none\n$/);
    }));

  test('may close or refill all that it was given, and its end is told', () =>
    withScene(async ({ shell }) => {
      const closed = await shell('echo said; exec <&- >&- 2>&-; sleep 0.05; exit 5');
      expect(closed.outcome.text).toBe('said\n[exit code 5]');
      const all = 'for n in {0..50}; do eval "exec $n>&-"; done 2>/dev/null; exit 6';
      expect((await shell(all, { index: 1 })).outcome.text).toBe('[exit code 6]');
    }));

  test('that leaves a child with its output open ends when it ends', () =>
    withScene(async ({ shell, session }) => {
      const begunAt = Date.now();
      const { outcome } = await shell(
        '(trap "" HUP TERM; exec sleep 1000) & (setsid sleep 1000 &) ; echo over',
      );
      expect(outcome.text).toBe('over\n');
      expect(Date.now() - begunAt).toBeLessThan(5000);
      expect(markedProcesses(session)).toHaveLength(2);
    }));

  test('that multiplies is ended at its time limit with all it became', () =>
    withScene(async ({ shell, session }) => {
      const bomb = 'f() { [ $1 = 0 ] && exec sleep 1000; f $(($1-1)) & f $(($1-1)) & wait; }; f 6';
      const { outcome } = await shell(bomb, { timeout_ms: 600 });
      expect(outcome.text).toContain('[timed out after 0.6 s');
      expect(markedProcesses(session)).toEqual([]);
    }));

  test('that hides its mark and its session is found as a child of its own', () =>
    withScene(async ({ shell, session, project }) => {
      const hidden = 'env -i setsid sh -c "echo \\$\\$ > pid; sleep 1000; true"';
      const { outcome } = await shell(`${hidden} & wait`, { timeout_ms: 400 });
      expect(outcome.text).toContain('[timed out');
      const pid = Number(readFileSync(join(project, 'pid'), 'utf8'));
      expect(await processFacts(pid)).toBeNull();
      expect(markedProcesses(session)).toEqual([]);
    }));
});

describe('what a command leaves to the next', () => {
  test.each([
    [
      'a value too large for any program',
      'export BIG=$(printf %0200000d 1) OK=1',
      '$OK ${#BIG}',
      '1 0',
    ],
    ['the largest that fits', 'export BIG=$(printf %0131067d 1)', '${#BIG}', '131067'],
    ['no way to any program', 'export PATH=/nonexistent', '$PATH', '/nonexistent'],
    ['no path and no home', 'unset PATH HOME; export OK=1', '$OK', '1'],
    ['another dialect', 'export POSIXLY_CORRECT=1 OK=1', '$OK', '1'],
    [
      'functions and arrays',
      'f() { echo x; }; export -f f; export -a A=(1 2); export OK=1',
      '$OK',
      '1',
    ],
    ['names of our own', 'export loomkin_folder=/x loomkin_code=5 OK=1', '$OK', '1'],
    ['a trap on every line', "trap 'false' DEBUG; set -T; export OK=1", '$OK', '1'],
    ['text in all scripts', "export OK=$'日本\\n😀 \\''", '$OK', "日本\n😀 '"],
  ])('may be %s, and the next one runs', (_name, command, shown, text) =>
    withScene(async ({ shell }) => {
      await shell(`cd /usr; ${command}`);
      const { outcome } = await shell(`echo "$PWD ${shown}"`, { turn: 2 });
      expect(outcome).toMatchObject({ text: `/usr ${text}\n`, isError: false });
    }),
  );
});

describe('what holds a command', () => {
  test('being killed by it leaves an outcome that is unknown, and nothing running', () =>
    withScene(async (scene) => {
      const { outcome } = await scene.shell(
        'echo before; kill -9 $(cut -d" " -f1 <"$loomkin_folder/started") $PPID; sleep 0.2; touch after',
      );
      expect(outcome.state).toBe('unknown');
      expect(outcome.text).toContain('before\n[outcome unknown');
      expect(markedProcesses(scene.session)).toEqual([]);
    }));

  test('its folder being removed by it, it is not said that nothing was changed', () =>
    withScene(async (scene) => {
      const { outcome } = await scene.shell('touch done; rm -rf "$loomkin_folder"; echo said');
      expect(existsSync(join(scene.project, 'done'))).toBe(true);
      expect(outcome).toMatchObject({ state: 'unknown', isError: true });
      expect(outcome.text).not.toContain('did not begin');
      expect(processesIn(folderOf(scene))).toEqual([]);
    }));

  test('its folder being removed, it is still ended at its time limit', () =>
    withScene(async (scene) => {
      const command = 'touch done; rm -rf "$loomkin_folder"; sleep 1000';
      const { outcome } = await scene.shell(command, { timeout_ms: 500 });
      expect(outcome.isError).toBe(true);
      expect(outcome.text).toContain('[timed out after 0.5 s');
      expect(markedProcesses(scene.session)).toEqual([]);
      expect(processesIn(folderOf(scene))).toEqual([]);
    }));

  test('its exit code being written by it, the call ends with that and the rest is ended or over', () =>
    withScene(async (scene) => {
      const { outcome } = await scene.shell('echo 0 >"$loomkin_folder/exit"; echo x; exit 3');
      expect(outcome.state).toBe('applied');
      expect(outcome.text).toContain('x');
    }));
});
