/**
 * One call of every operation that writes, in an order in which each can be carried out, and the whole
 * content of a database to compare.
 */
import Sqlite from 'better-sqlite3';

import type { Store, StoreOperationName, StoreOperations } from '../../activities/stores/store.js';
import * as rows from './samples.js';

export type Write = {
  readonly [Name in StoreOperationName]: readonly [Name, Parameters<StoreOperations[Name]>[0]];
}[StoreOperationName];

const { AT, REF, S } = rows;

/** Each may be sent again as it is: its second time changes nothing. */
export const REPEATABLE: readonly Write[] = [
  ['createSession', rows.session()],
  ['setSessionModel', { id: S, model: 'openai/other' }],
  ['storeMessage', rows.message('m1')],
  ['setAgentState', rows.state()],
  ['askApproval', rows.approval('q-1')],
  ['settleApproval', { id: 'q-1', state: 'approved', answer: null, at: AT }],
  ['storeBlob', { bytes: Buffer.alloc(70_000, 'big') }],
  ['storeBlob', { bytes: Buffer.from('small') }],
  ['claimEffect', rows.processClaim('k1')],
  ['settleEffect', { key: 'k1', outcome: rows.outcome() }],
  ['appendEvent', { sessionId: S, key: 'a', at: AT, event: rows.notice('a') }],
  ['appendEvent', { sessionId: S, key: 'r', at: AT, event: rows.promptResult(['m1']) }],
  ['appendInputs', { ...REF, rows: [rows.prompt(1, 1, 'm1')] }],
  ['appendAnswer', { ...REF, row: rows.answer(1), usage: rows.usage() }],
  ['appendResult', { ...REF, row: rows.result(1, 0), effect: rows.note() }],
  [
    'putInFlight',
    {
      activityKey: 'a1',
      taskToken: Uint8Array.from([1]),
      workflowId: 'w',
      activityType: 'runTool',
      effectKey: null,
    },
  ],
  ['countDeaths', {}],
  ['dropInFlight', { activityKey: 'a1' }],
];

/** Counters: each call counts. */
export const COUNTING: readonly Write[] = [['countModelFailure', { ...REF, turn: 1 }]];

export const send = (store: Store, [name, args]: Write): Promise<unknown> =>
  store.call(name, args as never);

export type Content = Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>;

/** The same with offsets counted from 1: what was taken back may leave a gap, which tells nobody anything. */
export const withoutGaps = (content: Content): Content => {
  const places = new Map(content['events']?.map(({ offset }, place) => [offset, place + 1]));
  return Object.fromEntries(
    Object.entries(content).map(([table, found]) => [
      table,
      found.map((row) => ('offset' in row ? { ...row, offset: places.get(row['offset']) } : row)),
    ]),
  );
};

/** All rows of all tables but the holder's own facts. */
export const contentOf = (file: string): Content => {
  const raw = new Sqlite(file, { readonly: true });
  const tables = raw
    .prepare("select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'")
    .pluck()
    .all() as string[];
  const content = tables
    .filter((name) => name !== 'installation')
    .map((name) => [name, raw.prepare(`select * from ${name}`).all()]);
  raw.close();
  return Object.fromEntries(content) as Content;
};
