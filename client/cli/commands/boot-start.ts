/**
 * Makes the supervisor start at boot: a systemd user unit with linger, or a launchd agent.
 *
 * The unit ends only the supervisor when it is stopped, as daemon and server are adopted by the
 * next one. What must stay true: each home has its own unit, and one that could not be enabled
 * leaves no file behind.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { newestProgramFile } from '../../../config/dist.js';
import { loomkinHome } from '../../../config/paths.js';
import { supervisorEnvironment } from '../daemon/programs.js';
import { CommandFailure, type CommandIo } from '../io.js';
import { launchAgentText, systemdUnitText, type BootProgram } from './boot-unit.js';

type Environment = CommandIo['env'];

const run = promisify(execFile);
const homeOf = (env: Environment): string => env['HOME'] || homedir();

/** The default home's unit is plainly named; any other carries a hash of its path. */
const unitName = (home: string, env: Environment): string => {
  const isDefault = home === loomkinHome({ ...env, LOOMKIN_HOME: undefined });
  return isDefault
    ? 'loomkin'
    : `loomkin-${createHash('sha256').update(home).digest('hex').slice(0, 8)}`;
};

const systemdFolder = (env: Environment): string =>
  join(env['XDG_CONFIG_HOME'] || join(homeOf(env), '.config'), 'systemd', 'user');

const agentFile = (home: string, env: Environment): string =>
  join(homeOf(env), 'Library', 'LaunchAgents', `dev.${unitName(home, env)}.plist`);

const wantedLink = (home: string, env: Environment): string =>
  join(systemdFolder(env), 'default.target.wants', `${unitName(home, env)}.service`);

export const isBootStartInstalled = (home: string, env: Environment): boolean =>
  existsSync(process.platform === 'darwin' ? agentFile(home, env) : wantedLink(home, env));

const bootProgram = (home: string, env: Environment): BootProgram => ({
  words: [process.execPath, newestProgramFile('supervisor')],
  env: supervisorEnvironment(env, home),
  log: join(home, 'logs', 'supervisor.log'),
});

const cannot = (what: string, error: unknown): CommandFailure => {
  const said = (error as { stderr?: string }).stderr?.trim() || (error as Error).message;
  return new CommandFailure(
    'boot_start',
    `can't make it start at boot: ${what} said "${said.split('\n')[0]}"`,
    'It runs until the next boot all the same; put `loomkin up` into whatever starts programs here.',
  );
};

const installUnit = async (home: string, env: Environment): Promise<string> => {
  const name = `${unitName(home, env)}.service`;
  const file = join(systemdFolder(env), name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, systemdUnitText(bootProgram(home, env)));
  try {
    await run('systemctl', ['--user', 'daemon-reload'], { env });
    await run('systemctl', ['--user', 'enable', name], { env });
  } catch (error) {
    rmSync(file, { force: true });
    rmSync(wantedLink(home, env), { force: true });
    throw cannot('systemctl', error);
  }
  try {
    await run('loginctl', ['enable-linger', userInfo().username], { env });
  } catch (error) {
    throw cannot('loginctl enable-linger (without it, it starts at login only)', error);
  }
  return `starts at boot (undo: systemctl --user disable ${name})`;
};

const installAgent = async (home: string, env: Environment): Promise<string> => {
  const file = agentFile(home, env);
  const label = `dev.${unitName(home, env)}`;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, launchAgentText(label, bootProgram(home, env)));
  const domain = `gui/${userInfo().uid}`;
  try {
    await run('launchctl', ['bootout', `${domain}/${label}`], { env }).catch(() => undefined);
    await run('launchctl', ['bootstrap', domain, file], { env });
  } catch (error) {
    rmSync(file, { force: true });
    throw cannot('launchctl', error);
  }
  return `starts at login (undo: launchctl bootout ${domain}/${label} && rm ${file})`;
};

/** Words for the person; throws `CommandFailure`. */
export const installBootStart = (home: string, env: Environment): Promise<string> =>
  process.platform === 'darwin' ? installAgent(home, env) : installUnit(home, env);
