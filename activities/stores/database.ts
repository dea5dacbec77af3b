/**
 * SQLite behind a query builder: the only file that knows the dialect, its settings and its errors.
 *
 * Queries are built by Kysely, compiled here and run at once; each text is prepared once. What must
 * stay true: nothing waits inside SQLite (the caller retries a busy database), and a commit is on the
 * disk when `commit` returns.
 */
import Sqlite from 'better-sqlite3';
import {
  DummyDriver,
  Kysely,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type Compilable,
} from 'kysely';

import type { Tables } from './tables.js';

export interface Database {
  /** Builds queries; never runs one. */
  readonly query: Kysely<Tables>;
  rows<Row>(query: Compilable<Row>): Row[];
  first<Row>(query: Compilable<Row>): Row | undefined;
  /** Runs it and returns how many rows changed. */
  change(query: Compilable<unknown>): number;
  /** Takes the write lock, or throws what `failureOf` calls `busy`. */
  begin(): void;
  commit(): void;
  rollback(): void;
  /** A savepoint: `keep` or `undo` ends it. */
  mark(): void;
  keep(): void;
  undo(): void;
  inTransaction(): boolean;
  /** Number of the last migration. */
  version(): number;
  /** True when there is a table that is not ours to migrate. */
  isForeign(): boolean;
  /** Runs statements and sets the version, in one transaction; nothing when another did so meanwhile. */
  migrate(sql: string, version: number): void;
  /** First complaint of SQLite's own check, or null. */
  complaint(): string | null;
  /** A consistent copy in a new file. */
  copyTo(file: string): void;
  /** The schema as text, for the committed dump. */
  dumpSchema(): string;
  bytes(): number;
  /** How long SQLite itself waits for a lock; 0 once the thread does the waiting. */
  waitForLocks(waitMs: number): void;
  close(): void;
}

const WRITER_PRAGMAS = [
  'journal_mode = WAL',
  'synchronous = FULL',
  'fullfsync = ON',
  'checkpoint_fullfsync = ON',
  'foreign_keys = ON',
];
const READER_PRAGMAS = ['query_only = ON'];

/** "LOOM": tells our database from anybody else's. */
const APPLICATION_ID = 0x4c4f4f4d;

const makeQueryBuilder = (): Kysely<Tables> =>
  new Kysely<Tables>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  });

const makeRunner = (sqlite: Sqlite.Database): Pick<Database, 'rows' | 'first' | 'change'> => {
  const statements = new Map<string, Sqlite.Statement>();
  const prepare = (sql: string): Sqlite.Statement => {
    let statement = statements.get(sql);
    if (!statement) statements.set(sql, (statement = sqlite.prepare(sql)));
    return statement;
  };
  return {
    rows: <Row>(query: Compilable<Row>) => {
      const { sql, parameters } = query.compile();
      return prepare(sql).all(...parameters) as Row[];
    },
    first: <Row>(query: Compilable<Row>) => {
      const { sql, parameters } = query.compile();
      return prepare(sql).get(...parameters) as Row | undefined;
    },
    change: (query) => {
      const { sql, parameters } = query.compile();
      return prepare(sql).run(...parameters).changes;
    },
  };
};

type Transactions = 'begin' | 'commit' | 'rollback' | 'mark' | 'keep' | 'undo' | 'inTransaction';

const makeTransactions = (sqlite: Sqlite.Database): Pick<Database, Transactions> => {
  const statement = (sql: string): (() => void) => {
    const prepared = sqlite.prepare(sql);
    return () => void prepared.run();
  };
  const undo = statement('rollback to request');
  const keep = statement('release request');
  return {
    begin: statement('begin immediate'),
    commit: statement('commit'),
    rollback: statement('rollback'),
    mark: statement('savepoint request'),
    keep,
    undo: () => {
      undo();
      keep();
    },
    inTransaction: () => sqlite.inTransaction,
  };
};

type Upkeep = 'version' | 'isForeign' | 'migrate' | 'complaint' | 'copyTo' | 'dumpSchema' | 'bytes';

const makeUpkeep = (sqlite: Sqlite.Database): Pick<Database, Upkeep> => {
  const pragma = (name: string): number => sqlite.pragma(name, { simple: true }) as number;
  return {
    version: () => pragma('user_version'),
    isForeign: () => {
      const tables = sqlite.prepare('select count(*) from sqlite_schema').pluck().get() as number;
      return tables > 0 && pragma('application_id') !== APPLICATION_ID;
    },
    migrate: sqlite.transaction((sql: string, version: number) => {
      if (pragma('user_version') >= version) return;
      sqlite.exec(sql);
      sqlite.pragma(`application_id = ${APPLICATION_ID}`);
      sqlite.pragma(`user_version = ${version}`);
    }).immediate,
    complaint: () => {
      const first = sqlite.pragma('quick_check(1)', { simple: true }) as string;
      return first === 'ok' ? null : first;
    },
    copyTo: (file) => void sqlite.prepare('vacuum into ?').run(file),
    dumpSchema: () => {
      const all = sqlite.prepare(
        "select sql from sqlite_schema where sql is not null and name not like 'sqlite_%' order by name",
      );
      return (all.pluck().all() as string[]).map((sql) => `${sql};\n`).join('\n');
    },
    bytes: () => pragma('page_count') * pragma('page_size'),
  };
};

/** Opens, or for a writer creates, the file. Throws what `failureOf` tells apart. */
export const openDatabase = (file: string, role: 'writer' | 'reader'): Database => {
  const readonly = role === 'reader';
  const sqlite = new Sqlite(file, { timeout: 5_000, readonly, fileMustExist: readonly });
  try {
    for (const pragma of readonly ? READER_PRAGMAS : WRITER_PRAGMAS) sqlite.pragma(pragma);
    return {
      query: makeQueryBuilder(),
      ...makeRunner(sqlite),
      ...makeTransactions(sqlite),
      ...makeUpkeep(sqlite),
      waitForLocks: (waitMs) => void sqlite.pragma(`busy_timeout = ${waitMs}`),
      close: () => void sqlite.close(),
    };
  } catch (error) {
    sqlite.close();
    throw error;
  }
};

/**
 * - `busy`: another connection holds the lock; nothing happened
 * - `full`: no room on the disk; the transaction may be gone
 * - `broken`: an I/O error after which this connection must not be used again
 * - `damaged`: the file is not a sound database
 * - `unwritable`: it can't be opened or written here
 * - `constraint`: the statement was refused, alone
 */
export type DatabaseFailure =
  'busy' | 'full' | 'broken' | 'damaged' | 'unwritable' | 'constraint' | 'other';

/** Growing the shared-memory file is the one place where a full disk shows as an I/O error. */
const FAILURES: readonly (readonly [RegExp, DatabaseFailure])[] = [
  [/^SQLITE_(BUSY|LOCKED)/, 'busy'],
  [/^(SQLITE_FULL|SQLITE_IOERR_SHMSIZE|ENOSPC|EDQUOT)/, 'full'],
  [/^(SQLITE_CORRUPT|SQLITE_NOTADB)/, 'damaged'],
  [/^(SQLITE_CANTOPEN|SQLITE_READONLY|SQLITE_PERM|SQLITE_AUTH)/, 'unwritable'],
  [/^(EACCES|EPERM|EROFS|ENOTDIR|EISDIR|ENOENT|EEXIST|ELOOP|ENAMETOOLONG)$/, 'unwritable'],
  [/^(SQLITE_IOERR|EIO)/, 'broken'],
  [/^SQLITE_CONSTRAINT/, 'constraint'],
];

export const failureOf = (error: unknown): DatabaseFailure => {
  const { code } = error as { code?: unknown };
  if (typeof code !== 'string') return 'other';
  return FAILURES.find(([pattern]) => pattern.test(code))?.[1] ?? 'other';
};
