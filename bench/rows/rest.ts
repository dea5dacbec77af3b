/**
 * What an installation costs when nothing happens: time on the processors and memory.
 *
 * What must stay true: nobody asks the daemon anything while it rests.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { spreadOf, type Row } from '../figures.js';
import { cpuMs, inWords, memoryMb, minus, total } from '../processes.js';
import { LIMITS, type Bench } from './section.js';

const REST_MS = 5_000;

export const measureRest = async ({ installation, quick }: Bench): Promise<readonly Row[]> => {
  const windowMs = quick ? 3_000 : 10_000;
  await sleep(quick ? REST_MS / 2 : REST_MS);
  const runtime = installation.runtime();
  const [before, startedMs] = [cpuMs(runtime), performance.now()];
  await sleep(windowMs);
  const spent = minus(cpuMs(runtime), before);
  const share = (total(spent) / (performance.now() - startedMs)) * 100;
  const pss = memoryMb(runtime, 'Pss');
  return [
    {
      id: 'idle-cpu',
      what: 'CPU when nothing happens, all processes',
      unit: '% of a core',
      measured: spreadOf([share]),
      floor: null,
      limits: LIMITS.idleCpu,
      note: `${inWords(spent, 'ms')} in ${windowMs / 1000} s, read in steps of 10 ms`,
    },
    {
      id: 'idle-memory',
      what: 'memory when nothing happens, all processes',
      unit: 'MB',
      measured: spreadOf([total(pss)]),
      floor: null,
      limits: LIMITS.idleMemory,
      note: `PSS: ${inWords(pss, 'MB')}; sum of RSS ${total(memoryMb(runtime, 'Rss')).toFixed(0)} MB`,
    },
  ];
};
