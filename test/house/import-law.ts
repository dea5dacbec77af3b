/**
 * Who may import whom, as a table: the first rule a file falls under judges its imports.
 *
 * A rule answers with what to do instead, since a ban that only says no is worked around. What must
 * stay true: whatever is not allowed here is forbidden.
 */
import { posix } from 'node:path';

import { packageOf, type Import } from './sources.js';

/** Null: allowed. A text: forbidden, and this is what to do instead. */
type Judge = (found: Import) => string | null;

interface Rule {
  readonly applies: (file: string) => boolean;
  readonly judge: Judge;
}

const under = (file: string | null, ...folders: string[]): boolean =>
  file !== null && folders.some((folder) => file === folder || file.startsWith(`${folder}/`));

/** `activities/tools/files/read.ts` → `activities/tools`; `activities/approvals.ts` → `activities`. */
const roomOf = (file: string): string => file.split('/').slice(0, -1).slice(0, 2).join('/');

const SHARED_BY_WORKFLOWS = [
  'workflows/protocol',
  'workflows/permission.ts',
  'workflows/activity-proxies.ts',
];

const judgeWorkflows: Judge = ({ from, text, file, isTypeOnly }) => {
  if (file === null) {
    if (/^@temporalio\/(workflow|common)$/.test(text)) return null;
    return text.startsWith('node:')
      ? 'workflow code has no Node: do it in an activity'
      : 'the bundle takes @temporalio/workflow and @temporalio/common only: parse and compute in an activity';
  }
  if (under(file, ...SHARED_BY_WORKFLOWS)) return null;
  if (from === 'workflows/index.ts' && file.endsWith('.workflow.ts')) return null;
  if (under(file, 'workflows'))
    return roomOf(file) === roomOf(from)
      ? null
      : 'workflows talk to each other through workflows/protocol: put the shape there';
  return under(file, 'activities') && isTypeOnly
    ? null
    : 'workflows know activities by `import type` only: ask for an activity in workflows/activity-proxies.ts';
};

const judgeProtocol: Judge = ({ text, file }) => {
  if (file === null && /^@temporalio\/(workflow|common)$/.test(text)) return null;
  return under(file, 'workflows/protocol') ? null : 'the protocol depends on nothing of ours';
};

const CLIENT_OF_TEMPORAL = /^@temporalio\/(client|worker|workflow)/;

const judgeActivities: Judge = ({ from, text, file, isTypeOnly }) => {
  if (file === null)
    return CLIENT_OF_TEMPORAL.test(text) && !isTypeOnly
      ? 'activities know @temporalio/activity and @temporalio/common; only client/gateway.ts talks to Temporal'
      : null;
  if (under(file, 'workflows/protocol', 'config', 'activities/stores')) return null;
  if (under(file, 'activities')) return judgeRooms(from, file, isTypeOnly);
  return under(file, 'client')
    ? 'activities never call clients: write an event to the store'
    : 'activities share workflows/protocol with workflows, and nothing else: move it there';
};

/** Activities at the top of the folder put the rooms together; a room uses its own and what lies at the top. */
const judgeRooms = (from: string, file: string, isTypeOnly: boolean): string | null => {
  const [mine, other] = [roomOf(from), roomOf(file)];
  if (isTypeOnly || mine === other || mine === 'activities' || other === 'activities') return null;
  if (from === 'activities/tools/run-tool.ts' && other === 'activities/effects') return null;
  return `${mine} takes what it needs from ${other} as a parameter: activities/index.ts passes it in`;
};

const MACHINE = new Set([
  'node:child_process',
  'node:net',
  'node:http',
  'node:https',
  'node:sqlite',
]);

const judgeTools: Judge = (found) => {
  const { text, file, isTypeOnly } = found;
  if (MACHINE.has(text) || ['better-sqlite3', 'kysely', 'openai'].includes(packageOf(text)))
    return 'a tool decides and describes: return an intent, or ask its context';
  if (under(file, 'activities/stores', 'activities/effects', 'activities/models') && !isTypeOnly)
    return 'a tool reaches models, stores and the machine only through its context';
  return judgeActivities(found);
};

const judgeConfig: Judge = ({ text, file }) => {
  if (file === null)
    return /^(node:(fs|fs\/promises|os|path|url|util|crypto)|smol-toml|zod)$/.test(text)
      ? null
      : 'config/ has no effects beyond reading files: do this where the settings are used';
  return under(file, 'config', 'workflows/protocol')
    ? null
    : 'config/ is imported by activities, client and workers, not the other way round';
};

const HEAVY_CLIENT = ['openai', 'better-sqlite3', 'kysely', 'esbuild', 'zod'];

const judgeClient: Judge = ({ text, file, isTypeOnly, from }) => {
  if (file === null) {
    if (text.startsWith('@temporalio/'))
      return from === 'client/gateway.ts'
        ? null
        : 'only client/gateway.ts talks to Temporal: ask it for a product verb';
    return HEAVY_CLIENT.includes(packageOf(text))
      ? 'a client is thin: models, databases and schemas are the daemon’s; ask it over HTTP'
      : null;
  }
  if (under(file, 'client', 'workflows/protocol', 'config')) return null;
  if (under(file, 'activities/stores')) return null;
  if (under(file, 'workflows'))
    return isTypeOnly ? null : 'clients take types of workflows only: names are in the protocol';
  return 'clients never call tools or models: send a message, read the store';
};

const LIGHT = /^(node:|commander$|picocolors$)/;

const judgeCommandLine: Judge = (found) => {
  const { text, file } = found;
  if (file === null && !LIGHT.test(text))
    return 'the command line starts in 0.1 s: ask the daemon over HTTP';
  if (file === 'client/gateway.ts' && !found.isTypeOnly)
    return 'the command line reaches the gateway over HTTP';
  return judgeClient(found);
};

const TOOL_ROOMS = /^activities\/tools\/[^/]+\//;

const RULES: readonly Rule[] = [
  { applies: (file) => under(file, 'workflows/protocol'), judge: judgeProtocol },
  { applies: (file) => under(file, 'workflows'), judge: judgeWorkflows },
  { applies: (file) => TOOL_ROOMS.test(file), judge: judgeTools },
  { applies: (file) => under(file, 'activities'), judge: judgeActivities },
  { applies: (file) => under(file, 'config'), judge: judgeConfig },
  { applies: (file) => under(file, 'client/cli'), judge: judgeCommandLine },
  { applies: (file) => under(file, 'client'), judge: judgeClient },
];

/** What is wrong with an import and what to do instead, or null. */
export const judgeImport = (found: Import): string | null => {
  const { from, file, text } = found;
  if (under(file, 'workers') && !under(from, 'workers'))
    return 'nothing imports workers: take it as a parameter; workers/deps.ts passes it in';
  if (under(file, 'test') || under(file, 'bench') || under(file, 'examples'))
    return 'product code never needs tests or examples';
  if (file !== null && !text.endsWith('.js') && posix.extname(text) !== '.json')
    return 'relative imports end in .js';
  return RULES.find(({ applies }) => applies(from))?.judge(found) ?? null;
};
