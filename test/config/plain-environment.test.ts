/**
 * What of the caller's environment long-lived processes see.
 */
import { plainEnvironment } from '../../config/plain-environment.js';

describe('the plain environment', () => {
  it('has what programs need and nothing that could be a key', () => {
    const kept = {
      PATH: '/bin',
      HOME: '/h',
      LANG: 'C.UTF-8',
      LC_ALL: 'C',
      XDG_CACHE_HOME: '/c',
      TMPDIR: '/t',
      LOOMKIN_LOG: 'debug',
    };
    const dropped = {
      OPENAI_API_KEY: 'x',
      GITHUB_TOKEN: 'x',
      NODE_OPTIONS: '--inspect',
      MY_PATH: '/x',
      PATHS: '/x',
      TEMPORAL_ADDRESS: 'x',
      HTTPS_PROXY: 'http://user:secret@proxy',
    };
    expect(plainEnvironment({ ...kept, ...dropped, LC_TIME: undefined }, '/home')).toEqual({
      ...kept,
      LOOMKIN_HOME: '/home',
    });
  });
});
