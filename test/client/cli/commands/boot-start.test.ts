/**
 * Starting at boot: the unit's text in its own quoting, and what is left when enabling fails.
 *
 * systemctl and loginctl are scripts that stand in for a machine with, or without, a user manager.
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  installBootStart,
  isBootStartInstalled,
} from '../../../../client/cli/commands/boot-start.js';
import { launchAgentText, systemdUnitText } from '../../../../client/cli/commands/boot-unit.js';
import { supervisorEnvironment } from '../../../../client/cli/daemon/programs.js';

const PROGRAM = {
  words: ['/opt/my node/node', '/repo $x/100%/"q"/supervisor.js'],
  env: { PATH: '/usr/bin:/a b', LOOMKIN_HOME: '/h & <m>' },
  log: '/h/100%/supervisor.log',
};

interface Machine {
  readonly env: Record<string, string>;
  readonly asked: () => string[];
  install(name: string, script: string): void;
}

const withMachine = async (use: (machine: Machine) => Promise<void>): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'loomkin-boot-'));
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  const log = join(folder, 'asked');
  writeFileSync(log, '');
  try {
    await use({
      env: { PATH: bin, HOME: folder, SECRET_KEY: 'hush' },
      asked: () => readFileSync(log, 'utf8').split('\n').filter(Boolean),
      install: (name, script) => {
        const text = `#!/bin/sh\nPATH=/usr/bin:/bin\necho "${name} $*" >>${log}\n${script}\n`;
        writeFileSync(join(bin, name), text);
        chmodSync(join(bin, name), 0o755);
      },
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
};

/** As systemd does: enabling links the unit into what is wanted at boot. */
const ENABLES = `
  units=$HOME/.config/systemd/user
  [ "$2" = enable ] && mkdir -p $units/default.target.wants && ln -s ../$3 $units/default.target.wants/$3
  exit 0`;

describe('starting at boot', () => {
  it('is a unit that ends the supervisor alone, each word in systemd’s quoting', () => {
    const unit = systemdUnitText(PROGRAM);
    expect(unit).toContain(
      'ExecStart="/opt/my node/node" "/repo $$x/100%%/\\"q\\"/supervisor.js"\n',
    );
    expect(unit).toContain('Environment="PATH=/usr/bin:/a b"\n');
    expect(unit).toContain('StandardOutput=append:/h/100%%/supervisor.log\n');
    expect(unit).toContain('KillMode=process\nRestart=on-failure\n');
    expect(unit).toContain('WantedBy=default.target\n');
  });

  it('has no line of a stranger: a line break is escaped, and refused where it can not be', () => {
    const odd = { ...PROGRAM, words: ['/a\nb'], env: { PATH: '/x\r\nExecStartPre=/bin/evil' } };
    const unit = systemdUnitText(odd);
    expect(unit).toContain('ExecStart="/a\\nb"\n');
    expect(unit).toContain('Environment="PATH=/x\\r\\nExecStartPre=/bin/evil"\n');
    expect(() => systemdUnitText({ ...odd, log: '/h\nExecStartPre=/bin/evil' })).toThrow(
      /can't name a path with a line break/,
    );
  });

  it('names the Temporal binary in full, from the folder of who asked for it', () =>
    withMachine(async ({ env, install }) => {
      install('systemctl', ENABLES);
      install('loginctl', '');
      const relative = { ...env, LOOMKIN_TEMPORAL_BIN: 'bin/temporal' };
      await installBootStart(join(env['HOME']!, '.local/share/loomkin'), relative);
      const unit = readFileSync(join(env['HOME']!, '.config/systemd/user/loomkin.service'), 'utf8');
      expect(unit).toContain(`LOOMKIN_TEMPORAL_BIN=${join(process.cwd(), 'bin/temporal')}"`);
      expect(supervisorEnvironment(relative, '/h')).toMatchObject({
        LOOMKIN_TEMPORAL_BIN: join(process.cwd(), 'bin/temporal'),
        LOOMKIN_HOME: '/h',
      });
    }));

  it('is an agent of launchd on macOS, in XML', () => {
    const agent = launchAgentText('dev.loomkin', PROGRAM);
    expect(agent).toContain('<key>Label</key><string>dev.loomkin</string>');
    expect(agent).toContain('<key>LOOMKIN_HOME</key><string>/h &amp; &lt;m&gt;</string>');
    expect(agent).toContain('<key>AbandonProcessGroup</key><true/>');
  });

  it('is enabled with linger, without keys, and known from then on', () =>
    withMachine(async ({ env, asked, install }) => {
      install('systemctl', ENABLES);
      install('loginctl', '');
      const home = join(env['HOME']!, '.local/share/loomkin');
      expect(isBootStartInstalled(home, env)).toBe(false);
      expect(await installBootStart(home, env)).toContain(
        'systemctl --user disable loomkin.service',
      );
      expect(asked().slice(0, 2)).toEqual([
        'systemctl --user daemon-reload',
        'systemctl --user enable loomkin.service',
      ]);
      expect(asked()[2]).toMatch(/^loginctl enable-linger \w+$/);
      const unit = readFileSync(join(env['HOME']!, '.config/systemd/user/loomkin.service'), 'utf8');
      expect(unit).toContain(`Environment="LOOMKIN_HOME=${home}"`);
      expect(unit).toMatch(/ExecStart=.*\/current\/supervisor\.js"\n/);
      expect(unit).not.toContain('hush');
      expect(isBootStartInstalled(home, env)).toBe(true);
      expect(isBootStartInstalled('/other/home', env)).toBe(false);
    }));

  it('has a unit of its own for each other home', () =>
    withMachine(async ({ env, asked, install }) => {
      install('systemctl', ENABLES);
      install('loginctl', '');
      await installBootStart('/srv/a', env);
      await installBootStart('/srv/b', env);
      const units = asked().filter((line) => line.includes('enable loomkin'));
      expect(new Set(units).size).toBe(2);
      for (const unit of units) expect(unit).toMatch(/loomkin-[0-9a-f]{8}\.service$/);
    }));

  it.each([
    ['there is no systemd', null, /ENOENT/],
    [
      'there is no user manager',
      'echo "Failed to connect to bus: no medium" >&2; exit 1',
      /Failed to connect to bus/,
    ],
  ])('leaves no unit behind where %s', (_how, script, said) =>
    withMachine(async ({ env, install }) => {
      if (script !== null) install('systemctl', script);
      await expect(installBootStart('/srv/a', env)).rejects.toMatchObject({
        name: 'CommandFailure',
        kind: 'boot_start',
        message: expect.stringMatching(said),
      });
      const units = join(env['HOME']!, '.config/systemd/user');
      expect(existsSync(units) ? (await import('node:fs')).readdirSync(units) : []).toEqual([]);
    }),
  );

  it('says so when it starts at login only', () =>
    withMachine(async ({ env, install }) => {
      install('systemctl', ENABLES);
      install('loginctl', 'echo "Access denied" >&2; exit 1');
      await expect(installBootStart('/srv/a', env)).rejects.toMatchObject({
        message: expect.stringContaining('Access denied'),
      });
    }));
});
