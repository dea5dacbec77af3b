/**
 * Ending a process for sure, and no other one.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { startTimeOf, type ProcessMark } from '../../../config/runtime-file.js';
import { endProcess, signalProcess } from '../../../workers/supervision/ending.js';

const STUBBORN = 'process.on("SIGTERM",()=>{});process.stdout.write("up");setInterval(()=>{},9e4)';
const POLITE = 'process.stdout.write("up");setInterval(()=>{},9e4)';

const started = async (program: string) => {
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit') as Promise<[number | null, string | null]>;
  await once(child.stdout, 'data');
  const mark: ProcessMark = { pid: child.pid!, start_time: startTimeOf(child.pid!)! };
  return { mark, exit };
};

describe('ending a process', () => {
  it('asks first', async () => {
    const { mark, exit } = await started(POLITE);
    expect(await endProcess(mark, 5000)).toBe(true);
    expect(await exit).toEqual([null, 'SIGTERM']);
  });

  it('kills what does not listen', async () => {
    const { mark, exit } = await started(STUBBORN);
    expect(await endProcess(mark, 50)).toBe(true);
    expect(await exit).toEqual([null, 'SIGKILL']);
  });

  it('wakes what was stopped, so that it hears', async () => {
    const { mark, exit } = await started(POLITE);
    process.kill(mark.pid, 'SIGSTOP');
    expect(await endProcess(mark, 5000)).toBe(true);
    expect(await exit).toEqual([null, 'SIGTERM']);
  });

  it('leaves a stranger alone that got the same pid', async () => {
    const { mark, exit } = await started(POLITE);
    const stale = { ...mark, start_time: mark.start_time - 1 };
    expect(signalProcess(stale, 'SIGKILL')).toBe(false);
    expect(await endProcess(stale, 1000)).toBe(true);
    expect(startTimeOf(mark.pid)).toBe(mark.start_time);
    await endProcess(mark, 1000);
    await exit;
  });
});
