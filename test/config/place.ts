/** A home and a project of their own for a test of settings. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import type { ConfigError } from '../../config/config-error.js';
import type { SettingsRequest } from '../../config/load.js';

export interface Place {
  readonly home: string;
  readonly project: string;
  /** Writes the user's file; the request to load it comes back. */
  user(text: string): string;
  stranger(text: string): string;
  request(more?: Partial<SettingsRequest>): SettingsRequest;
}

export const withPlace = async (body: (place: Place) => Promise<void>): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'loomkin-config-'));
  const [home, project] = [join(folder, 'home'), join(folder, 'project')];
  const write = (file: string) => (text: string) => {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  };
  mkdirSync(project);
  try {
    await body({
      home,
      project,
      user: write(join(home, '.config/loomkin/config.toml')),
      stranger: write(join(project, '.loomkin/config.toml')),
      request: (more) => ({
        env: { HOME: home, OPENAI_API_KEY: 'sk-test' },
        project,
        configFile: null,
        flags: { model: null, permissionMode: null, maxTurns: null },
        ...more,
      }),
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
};

export const failure = async (load: Promise<unknown>): Promise<ConfigError> =>
  load.then(
    () => {
      throw new Error('it was accepted');
    },
    (error: ConfigError) => error,
  );
