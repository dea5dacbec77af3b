/**
 * The help texts. Loaded only when asked for.
 *
 * What must stay true: they name every flag and command that parses, and no other; a test compares
 * them with the parser.
 */
import type { CommandName } from './arguments.js';

const MAIN = `Usage: loomkin [flags] ["prompt"]      start or go on with a session
       loomkin up | down | status | ps   the engine, and what runs on it
       loomkin models [WORD...]          the models that are known

A session survives the end of this command, of the terminal and of the machine.

Flags
      --project DIR            project to work on (default: the git top level)
  -p, --print                  print the answer and exit; reads piped stdin too
      --output-format FORMAT   text, json or stream-json (default: text)
  -m, --model PROVIDER/MODEL   model of the session
      --permission-mode MODE   default (asks before commands) or bypass
      --max-turns N            stop after N answers of the model (0 = no limit)
      --config FILE            config file to use in place of the user's own
  -c, --continue               go on with the newest session of the project
  -r, --resume ID              go on with this session (4 characters or more)
  -h, --help                   this text; also: loomkin COMMAND --help
      --version                version and build; starts nothing

-c and -r without a prompt show how the last one ended, or follow it there.

Exit codes
  0 done · 1 failed · 2 usage, configuration, key or model · 42 bad input ·
  53 turn limit · 55 no progress · 129 terminal lost, the session goes on ·
  130 interrupted · 143 terminated
`;

const COMMANDS: Readonly<Record<CommandName, string>> = {
  up: `Usage: loomkin up [--install] [--json]

Starts the engine, returns when everything answers; unfinished sessions go on.

      --install   also start it when this machine boots
      --json      one JSON document: the status
  -h, --help      this text
      --version   version and build
`,
  down: `Usage: loomkin down [--json]

Ends all processes of the engine. Sessions go on at the next start.

      --json      one JSON document
  -h, --help      this text
      --version   version and build
`,
  status: `Usage: loomkin status [--json]

Shows what runs, where it answers, what it uses. Exit code 1 when it is down.

      --json      one JSON document
  -h, --help      this text
      --version   version and build
`,
  ps: `Usage: loomkin ps [--all] [--json]

Lists sessions that have not ended, and those that ended in the last 24 hours.
Starts nothing: while the engine is down it reads what is stored.

      --all       every session
      --json      one JSON document
  -h, --help      this text
      --version   version and build
`,
  models: `Usage: loomkin models [WORD...] [--json]

Lists the models that are known, with their window, their price in USD per
million tokens and the variable of their key; ? is not known. With words: those
whose name has all of them. Models that are not listed can be asked as well.
Starts nothing.

      --json      one JSON document
  -h, --help      this text
      --version   version and build
`,
};

export const helpText = (command: CommandName | null): string =>
  command === null ? MAIN : COMMANDS[command];
