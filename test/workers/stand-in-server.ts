/**
 * Programs that stand in for the Temporal server where a test is about what happens around it.
 *
 * `ANSWERING` listens on both ports within a tenth of a second and answers its health route. What must
 * stay true: each is one shell script, so that it can be named by LOOMKIN_TEMPORAL_BIN.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureEngine } from '../../client/cli/daemon/ensure-engine.js';
import type { Engine } from '../../client/cli/daemon/find-engine.js';
import { PLAIN_DAEMON, withInstallation, type Installation } from '../support/installation.js';

/** What every one says when it is asked what it is. */
const VERSION = 'case $1 in --version) echo "temporal version 1.9.1"; exit;; esac\n';
const HELP = 'case "$*" in *--help) echo --ui-disable-news-fetch; exit;; esac\n';

const NODE_SERVER = `
  const { createServer } = require('node:http');
  const after = (flag) => Number(process.argv[process.argv.indexOf(flag) + 1]);
  const fail = (error) => { console.error('Error: ' + error.message); process.exit(1); };
  const answer = (request, response) => response.end();
  for (const flag of ['--port', '--ui-port'])
    createServer(answer).on('error', fail).listen(after(flag), '127.0.0.1');
`;

export const ANSWERING = `exec "$NODE" -e "$(cat <<'END'\n${NODE_SERVER}\nEND\n)" -- "$@"`;

export interface Odd extends Installation {
  /** Puts another script in the server's place, for its next start. */
  serve(script: string): void;
  /** As `engine`, on another home. */
  engineIn(home: string): Promise<Engine>;
}

export interface OddOptions {
  readonly server?: string;
  readonly daemon?: string;
}

const writeServer = (file: string, script: string): void =>
  writeFileSync(
    file,
    `#!/bin/sh\nFOLDER='${join(file, '..')}' NODE='${process.execPath}'\n${VERSION}${HELP}${script}\n`,
    { mode: 0o755 },
  );

/** An installation whose server and daemon are stand-ins; both answer unless told otherwise. */
export const withStandIns = (
  use: (installation: Odd) => Promise<void>,
  { server = ANSWERING, daemon = PLAIN_DAEMON }: OddOptions = {},
): Promise<void> =>
  withInstallation(
    async (installation) => {
      const folder = join(installation.folder, 'server');
      mkdirSync(folder);
      const file = join(folder, 'temporal');
      writeServer(file, server);
      const env: Record<string, string> = Object.assign(installation.env, {
        LOOMKIN_TEMPORAL_BIN: file,
      });
      await use({
        ...installation,
        serve: (script) => writeServer(file, script),
        engineIn: (home) =>
          ensureEngine({ env: { ...env, LOOMKIN_HOME: home }, stderr: process.stderr }),
      });
    },
    { daemon },
  );
