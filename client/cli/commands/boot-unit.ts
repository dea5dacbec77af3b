/**
 * The texts of a systemd user unit and of a launchd agent that run the supervisor.
 *
 * What must stay true: paths may hold blanks, quotes, percent signs and ampersands; each format
 * gets them in its own quoting. A line break never becomes a line of its own in a unit.
 */
import { CommandFailure } from '../io.js';

export interface BootProgram {
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly log: string;
}

const BREAKS: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r' };

const unitWord = (text: string): string => {
  const quoted = text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%');
  return `"${quoted.replace(/[\n\r]/g, (character) => BREAKS[character] ?? '')}"`;
};

/** In ExecStart a dollar sign would name a variable. */
const commandWord = (text: string): string => unitWord(text.replaceAll('$', '$$$$'));

/** A path that stands unquoted can't be escaped. Throws `CommandFailure`. */
const plainPath = (path: string): string => {
  if (!/[\n\r]/.test(path)) return path.replaceAll('%', '%%');
  throw new CommandFailure(
    'boot_start',
    `a systemd unit can't name a path with a line break (${JSON.stringify(path)})`,
    'Set LOOMKIN_HOME to a folder without one.',
  );
};

/** KillMode=process: what the supervisor keeps alive outlives it and is adopted by the next one. */
export const systemdUnitText = ({ words, env, log }: BootProgram): string =>
  [
    '[Unit]',
    'Description=Loomkin supervisor',
    '',
    '[Service]',
    `ExecStart=${words.map(commandWord).join(' ')}`,
    ...Object.entries(env).map(([name, value]) => `Environment=${unitWord(`${name}=${value}`)}`),
    'UMask=0077',
    `StandardOutput=append:${plainPath(log)}`,
    'StandardError=inherit',
    'KillMode=process',
    'Restart=on-failure',
    'RestartSec=1',
    'RestartPreventExitStatus=78',
    '',
    '[Install]',
    'WantedBy=default.target',
    '',
  ].join('\n');

const xml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

const xmlString = (text: string): string => `<string>${xml(text)}</string>`;

export const launchAgentText = (label: string, { words, env, log }: BootProgram): string =>
  `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>${xmlString(label)}
  <key>ProgramArguments</key><array>${words.map(xmlString).join('')}</array>
  <key>EnvironmentVariables</key><dict>${Object.entries(env)
    .map(([name, value]) => `<key>${xml(name)}</key>${xmlString(value)}`)
    .join('')}</dict>
  <key>RunAtLoad</key><true/>
  <key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>
  <key>AbandonProcessGroup</key><true/>
  <key>Umask</key><integer>63</integer>
  <key>StandardOutPath</key>${xmlString(log)}
  <key>StandardErrorPath</key>${xmlString(log)}
</dict>
</plist>
`;
