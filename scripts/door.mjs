/**
 * The first file Node runs: becomes `dist/HASH/cli.js`, in front of the command line itself.
 *
 * A newer or older Node than the one that set the checkout up would die in a native module, or in
 * syntax it does not know, so it is looked at here. What must stay true: every Node since 14 can
 * parse this file, and it imports nothing when all is well.
 */
const builtFor = 'NODE_ABI';

const fail = (line, code) => {
  process.stderr.write('loomkin: ' + line + '\n');
  process.exit(code);
};

const version = process.versions.node.split('.').map(Number);
if (version[0] < 20 || (version[0] === 20 && version[1] < 19))
  fail(
    'Node.js ' +
      process.versions.node +
      ' is too old (' +
      process.execPath +
      '). Install Node.js 20.19 or newer',
    2,
  );

/** Sets the checkout up for this Node and answers with the command line of that build. */
const setUpAgain = async () => {
  const { spawnSync } = await import('node:child_process');
  const { realpathSync } = await import('node:fs');
  const { fileURLToPath, pathToFileURL } = await import('node:url');
  const root = new URL('../../', import.meta.url);
  const script = fileURLToPath(new URL('scripts/setup.sh', root));
  const done = spawnSync('/bin/sh', [script, 'run'], { stdio: ['ignore', 2, 2] });
  if (done.status !== 0) process.exit(done.status === null ? 1 : done.status);
  const main = realpathSync(fileURLToPath(new URL('dist/current/cli-main.js', root)));
  return pathToFileURL(main).href;
};

await import(process.versions.modules === builtFor ? './cli-main.js' : await setUpAgain());
